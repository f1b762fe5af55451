import type { ContractStatus, PaymentMethod } from "../../../src/contract/contract.ts";
import { type DemoProduct, productNamed } from "../data/catalog.ts";
import type { DemoCustomer } from "../data/people.ts";

/** Something that happens to a contract on a day of the year, apart from what the day itself brings. Dates in the demo's notation. */
export type Happening = { readonly on: string } & (
  | {
      readonly type: "asked";
      readonly by: "customer" | "clerk";
      readonly request:
        | { readonly kind: "cancel" | "reserve_termination" | "withdraw_reservation" | "resume" | "terminate" }
        | { readonly kind: "suspend"; readonly params: { readonly period?: number } }
        | { readonly kind: "record_manual_refund"; readonly params: { readonly refundId: string } };
    }
  | { readonly type: "card_declined"; readonly times: number }
  | { readonly type: "end_set_at_stripe"; readonly end: string }
  | { readonly type: "end_lifted_at_stripe" }
);

/** A contract that lives through the year, and how it must stand at its end. */
export interface YearContract {
  readonly contractId: string;
  readonly customer: DemoCustomer;
  /** What happens to it, for the line that shows it. */
  readonly story: string;
  readonly product: DemoProduct;
  readonly method: PaymentMethod;
  /** In the demo's notation, or the year's first 31st. */
  readonly startsOn: string;
  /** On its start, when left out. */
  readonly registeredOn?: string;
  readonly specialMonths?: number;
  /** Whether its initial fee is what is paid for it at first. */
  readonly hasFee?: boolean;
  /** The end with which it is registered. */
  readonly reservedFor?: string;
  readonly happens?: readonly Happening[];
  readonly must: {
    readonly status: ContractStatus;
    /** The periods that begin before it are paid; those that begin in the year, when left out. */
    readonly paidBefore?: string;
    /** The states of its other payments. */
    readonly others?: readonly string[];
  };
}

/** The year's first 31st: months whose ends clamp to shorter ones, and never drift. */
export const first31st = "31st";

/** Ends by itself three months ago. */
export const seminar: DemoProduct = {
  id: "year-seminar",
  name: "通年ゼミ 前期",
  kind: "monthly",
  priceMinor: 3_300,
  automaticTerminationMonth: "month-3m",
};

/** The renewal in the seminar's month is the last date of those who applied for it. */
const seminarEnds = "month-3m";

/** Those who pay by card begin on the same day, so that Stripe has much to report on few days. */
const cardsBegin = "today-12m+3d";

const garden = productNamed("kitchen-garden");
const magazine = productNamed("tsukinowa-monthly");
const haiku = productNamed("haiku-club");
const course = productNamed("knife-care");

const byCard = { product: garden, method: "card", startsOn: cardsBegin } as const;
const byBank = { product: magazine, method: "bank_transfer", startsOn: "today-12m+1d" } as const;

const asked = (
  on: string,
  by: "customer" | "clerk",
  kind: "cancel" | "reserve_termination" | "withdraw_reservation" | "resume" | "terminate",
): Happening => ({ on, type: "asked", by, request: { kind } });

const suspended = (on: string, period?: number): Happening => ({
  on,
  type: "asked",
  by: "clerk",
  request: { kind: "suspend", params: period === undefined ? {} : { period } },
});

function person(n: number, name: string, mail: string): DemoCustomer {
  return { id: `C-${n}`, name, email: mail, locale: /^[A-Z]/.test(name) ? "en" : "ja" };
}

/**
 * The contracts of the year. The queue takes every request today, whichever day the year has come to, and "today" of a request is
 * when the queue took it: so in the midst of the year people ask only for what that day does not decide. By card Stripe's
 * clock decides. By bank transfer a reservation is for the next renewal after today, so those that end in the year are
 * registered with their end; a suspension lies in the period that runs today, or names its own where the end comes before that.
 */
export const yearContracts: readonly YearContract[] = [
  {
    ...byCard,
    contractId: "Y-0001",
    customer: person(311, "宮田 千夏", "chinatsu.miyata.311@example.jp"),
    story: "pays every month",
    must: { status: "active" },
  },
  {
    ...byCard,
    contractId: "Y-0002",
    customer: person(312, "Greta Nyman", "greta.nyman.312@example.net"),
    story: "began on a 31st",
    startsOn: first31st,
    must: { status: "active" },
  },
  {
    ...byCard,
    contractId: "Y-0003",
    customer: person(313, "内藤 亮", "ryo.naito.313@example.com"),
    story: "declined twice, then paid",
    happens: [{ on: "start+3m-1d", type: "card_declined", times: 2 }],
    must: { status: "active" },
  },
  {
    ...byCard,
    contractId: "Y-0004",
    customer: person(314, "永井 文子", "fumiko.nagai.314@example.jp"),
    story: "declined for good",
    happens: [{ on: "start+5m-1d", type: "card_declined", times: 4 }],
    must: { status: "terminated", paidBefore: "start+5m", others: ["never_charged"] },
  },
  {
    ...byCard,
    contractId: "Y-0005",
    customer: person(315, "Tomas Riva", "tomas.riva.315@example.com"),
    story: "reserves the end, and it comes",
    happens: [asked("start+6m+9d", "customer", "reserve_termination")],
    must: { status: "terminated", paidBefore: "start+7m" },
  },
  {
    ...byCard,
    contractId: "Y-0006",
    customer: person(316, "大野 誠", "makoto.ono.316@example.net"),
    story: "reserves; lifted on the dashboard",
    happens: [
      asked("start+4m+6d", "customer", "reserve_termination"),
      { on: "start+4m+12d", type: "end_lifted_at_stripe" },
    ],
    must: { status: "active" },
  },
  {
    ...byCard,
    contractId: "Y-0007",
    customer: person(317, "島田 理恵", "rie.shimada.317@example.jp"),
    story: "end set on the dashboard",
    happens: [{ on: "start+5m+4d", type: "end_set_at_stripe", end: "start+8m" }],
    must: { status: "terminated", paidBefore: "start+8m" },
  },
  {
    ...byCard,
    contractId: "Y-0008",
    customer: person(318, "Ines Caldeira", "ines.caldeira.318@example.net"),
    story: "ends in the product's month",
    product: seminar,
    must: { status: "terminated", paidBefore: seminarEnds },
  },
  {
    ...byBank,
    contractId: "Y-0011",
    customer: person(321, "福井 葵", "aoi.fukui.321@example.jp"),
    story: "renewed every month",
    must: { status: "active" },
  },
  {
    ...byBank,
    contractId: "Y-0012",
    customer: person(322, "杉山 徹", "toru.sugiyama.322@example.com"),
    story: "began on a 31st",
    startsOn: first31st,
    must: { status: "active" },
  },
  {
    ...byBank,
    contractId: "Y-0013",
    customer: person(323, "今村 陽菜", "haruna.imamura.323@example.jp"),
    story: "three special months, and they end",
    specialMonths: 3,
    must: { status: "active" },
  },
  {
    ...byBank,
    contractId: "Y-0014",
    customer: person(324, "Piet Hoekstra", "piet.hoekstra.324@example.net"),
    story: "starts twelve days after its registration",
    registeredOn: "today-12m+1d",
    startsOn: "today-12m+13d",
    must: { status: "active" },
  },
  {
    ...byBank,
    contractId: "Y-0015",
    customer: person(325, "片山 久美", "kumi.katayama.325@example.com"),
    story: "ends as it was reserved",
    reservedFor: "start+6m",
    must: { status: "terminated", paidBefore: "start+6m" },
  },
  {
    ...byBank,
    contractId: "Y-0016",
    customer: person(326, "秋山 健太", "kenta.akiyama.326@example.jp"),
    story: "reserves on the last day, and withdraws",
    startsOn: "today-12m+13d",
    happens: [asked("today", "customer", "reserve_termination"), asked("today", "customer", "withdraw_reservation")],
    must: { status: "active" },
  },
  {
    ...byBank,
    contractId: "Y-0017",
    customer: person(327, "Nadia Ferrant", "nadia.ferrant.327@example.com"),
    story: "reserves on the last day",
    startsOn: "today-12m+13d",
    happens: [asked("today", "customer", "reserve_termination")],
    must: { status: "termination_reserved" },
  },
  {
    ...byBank,
    contractId: "Y-0018",
    customer: person(328, "岩崎 香織", "kaori.iwasaki.328@example.net"),
    story: "suspended by a clerk, resumed a week later",
    startsOn: "today-12m+13d",
    happens: [suspended("today-12d"), asked("today-5d", "clerk", "resume")],
    must: { status: "active" },
  },
  {
    ...byBank,
    contractId: "Y-0019",
    customer: person(329, "西田 明", "akira.nishida.329@example.jp"),
    story: "suspended, and terminated by a clerk",
    startsOn: "today-12m+13d",
    happens: [suspended("today-12d"), asked("today-5d", "clerk", "terminate")],
    must: { status: "terminated", paidBefore: "start+11m", others: ["never_charged"] },
  },
  {
    ...byBank,
    contractId: "Y-0020",
    customer: person(330, "Oskar Lind", "oskar.lind.330@example.com"),
    story: "suspended; its reserved end comes",
    reservedFor: "start+9m",
    happens: [suspended("start+8m+6d", 8)],
    must: { status: "terminated", paidBefore: "start+8m", others: ["never_charged"] },
  },
  {
    ...byBank,
    contractId: "Y-0021",
    customer: person(331, "原田 美咲", "misaki.harada.331@example.net"),
    story: "ends in the product's month",
    product: seminar,
    must: { status: "terminated", paidBefore: seminarEnds },
  },
  {
    ...byBank,
    contractId: "Y-0022",
    customer: person(332, "安藤 駿", "shun.ando.332@example.jp"),
    story: "made by hand: no product's month for it",
    product: seminar,
    method: "other",
    must: { status: "active" },
  },
  {
    ...byBank,
    contractId: "Y-0023",
    customer: person(333, "Ruta Kalnina", "ruta.kalnina.333@example.net"),
    story: "canceled before its start, the fee given back",
    product: haiku,
    registeredOn: "today-12m+1d",
    startsOn: "today-12m+13d",
    hasFee: true,
    happens: [
      asked("today-12m+3d", "clerk", "cancel"),
      {
        on: "today-12m+13d",
        type: "asked",
        by: "clerk",
        request: { kind: "record_manual_refund", params: { refundId: "Y-0023:initial_fee:refund:1" } },
      },
    ],
    must: { status: "canceled", paidBefore: "start", others: ["refunded"] },
  },
  {
    ...byBank,
    contractId: "Y-0024",
    customer: person(334, "古川 悠人", "yuto.furukawa.334@example.jp"),
    story: "bought for good, starts in its second month",
    product: course,
    registeredOn: "today-12m+1d",
    startsOn: "today-11m+1d",
    must: { status: "established" },
  },
];
