import type { ContractStatus } from "../../../src/contract/contract.ts";
import type { DemoCustomer } from "../data/people.ts";

/** Somebody who subscribes in the second chapter, and how their contract must stand when its three months are over. */
export interface Subscriber {
  readonly contractId: string;
  readonly customer: DemoCustomer;
  /** What happens to it, for the line that shows it. */
  readonly story: string;
  readonly status: ContractStatus;
  /** The states of its payments, from period 0 on. */
  readonly payments: readonly string[];
}

/** Each of them with a monthly contract of the same product, paid by card, on the same test clock. */
export const subscribers = {
  steady: {
    contractId: "S-0001",
    customer: { id: "C-0301", name: "大西 楓", email: "kaede.onishi.301@example.jp", locale: "ja" },
    story: "pays every month",
    status: "active",
    payments: ["paid", "paid", "paid", "paid"],
  },
  recovering: {
    contractId: "S-0002",
    customer: { id: "C-0302", name: "堀 俊介", email: "shunsuke.hori.302@example.com", locale: "ja" },
    story: "declined twice, then paid",
    status: "active",
    payments: ["paid", "paid", "paid", "paid"],
  },
  failing: {
    contractId: "S-0003",
    customer: { id: "C-0303", name: "Maren Holt", email: "maren.holt.303@example.net", locale: "en" },
    story: "declined for good",
    status: "terminated",
    payments: ["paid", "paid", "never_charged"],
  },
  refunded: {
    contractId: "S-0004",
    customer: { id: "C-0304", name: "浜田 希", email: "nozomi.hamada.304@example.jp", locale: "ja" },
    story: "one month refunded on the dashboard",
    status: "active",
    payments: ["paid", "paid", "refunded", "paid"],
  },
  leaving: {
    contractId: "S-0005",
    customer: { id: "C-0305", name: "今井 律", email: "ritsu.imai.305@example.com", locale: "ja" },
    story: "reserves the end, and it comes",
    status: "terminated",
    payments: ["paid", "paid", "paid"],
  },
} as const satisfies Readonly<Record<string, Subscriber>>;

export const allSubscribers: readonly Subscriber[] = Object.values(subscribers);
