import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmod, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify, stripVTControlCharacters } from "node:util";
import { Temporal } from "temporal-polyfill";
import { afterEach, describe, expect, inject, test } from "vitest";
import type { Books } from "../../sandbox/demo/compare/books.ts";
import { compare } from "../../sandbox/demo/compare/compare.ts";
import { type StripeSide, sideOf } from "../../sandbox/demo/compare/stripe-side.ts";
import { makeDemoFiles } from "../../sandbox/demo/data/make-demo-files.ts";
import { failuresOf } from "../../sandbox/demo/failures-of.ts";
import { beginningOf } from "../../sandbox/demo/months/play-months.ts";
import { faultsIn, type Reports } from "../../sandbox/demo/months/read-reports.ts";
import { allSubscribers } from "../../sandbox/demo/months/subscribers.ts";
import { type DemoDay, resolveDates } from "../../sandbox/demo/notation.ts";
import { resolveDemoFiles } from "../../sandbox/demo/read-demo-files.ts";
import { type DemoContract, stripeSeed } from "../../sandbox/demo/stripe.ts";
import { yearContracts } from "../../sandbox/demo/year/contracts.ts";
import { faultsInYear, type YearReport } from "../../sandbox/demo/year/read-year.ts";
import { YearDates } from "../../sandbox/demo/year/year-dates.ts";
import { startStripeStandIn } from "../../sandbox/stripe/stripe-stand-in.ts";
import { importId } from "../../src/cli/import-contract.ts";
import { readImportLine } from "../../src/cli/read-import-line.ts";
import { parseBusinessDate } from "../../src/contract/calendar.ts";
import type { NewPayment } from "../../src/contract/change.ts";
import { register } from "../../src/contract/operations/register.ts";
import { eventually } from "../support/eventually.ts";
import { policy } from "../support/facts.ts";
import { makeDataFolder } from "../support/make-data-folder.ts";

const root = join(import.meta.dirname, "..", "..");
const zone = "Asia/Tokyo";

describe("the demo's files", () => {
  test("are what the generator makes", async () => {
    for (const [name, text] of Object.entries(makeDemoFiles())) {
      expect(await readFile(join(root, "sandbox", "demo", name), "utf8"), name).toBe(text);
    }
  });

  test.each([
    ["today-14m+3d", "2025-03-31", "2024-02-03"],
    ["today-1m", "2025-03-31", "2025-02-28"],
    ["today-3d", "2025-03-02", "2025-02-27"],
    ["today-1d 09:30", "2025-01-20", "2025-01-19T00:30:00Z"],
    ["monthend-2m", "2025-04-05", "2025-02-28"],
    ["month+2m", "2025-11-30", "2026-01"],
    ["todayish", "2025-01-20", "todayish"],
  ])("write %s, which on %s means %s", (written, today, meant) => {
    expect(resolveDates({ at: [written] }, { today, zone })).toEqual({ at: [meant] });
  });

  test("count from the start of the object that a date stands in", () => {
    const line = { startOn: "monthend-1m", payments: [{ paidAt: "start+1m 10:00" }] };
    const resolved = { startOn: "2025-01-31", payments: [{ paidAt: "2025-02-28T01:00:00Z" }] };
    expect(resolveDates(line, { today: "2025-02-28", zone })).toEqual(resolved);
  });
});

/** The one thing that does not agree before the requests: the contract whose subscription is to be missing is not ended yet. */
const knownDifference = "sub_K0009";

/** Days on which months end, begin, or are short: the dates that a notation gets wrong. */
const awkwardDays = ["2027-01-31", "2027-02-28", "2027-03-01", "2027-03-31", "2027-07-30", "2027-12-31", "2028-02-29"];

describe.each(["2026-11-23", ...awkwardDays])("on %s", (today) => {
  test("every contract can be registered, and the stand-in is seeded as the books say", async () => {
    const day = { today, zone };
    const contracts = registeredContracts(day);
    expect(contracts.length).toBe(309 + 40);
    const books = booksOf(contracts, today);
    const comparison = compare(books, await seededSide(contracts, day));
    const differing = comparison.lines.filter(({ differences }) => differences.length > 0);
    expect(differing.map(({ id }) => id)).toEqual([knownDifference]);
    expect(comparison.lines.length).toBeGreaterThan(600);
  });
});

describe("the comparison", () => {
  const day = { today: "2026-11-23", zone };
  const contracts = registeredContracts(day);
  const books = booksOf(contracts, day.today);
  const differencesOf = (changedBooks: Books, stripe: StripeSide) =>
    compare(changedBooks, stripe)
      .lines.filter(({ id }) => id !== knownDifference)
      .flatMap(({ id, differences }) => differences.map((words) => `${id} ${words}`));
  // Two courses, paid once and by card.
  const [one = "", two = ""] = books.payments.flatMap(({ contractId, subject, state }) =>
    subject === "one_time_price" && state === "paid" && contractId > "K-0010" ? [contractId] : [],
  );
  const intentOf = (contractId: string) => `pi_${contractId.replace("-", "")}`;
  const refund = { id: "re_1", paymentIntentId: intentOf(one), amountMinor: 100, status: "succeeded" } as const;

  test.each<[string, (books: Books, stripe: StripeSide) => { books?: Books; stripe?: StripeSide }, RegExp]>([
    [
      "an amount that was edited",
      ({ payments, ...rest }) => ({
        books: { ...rest, payments: payments.map((row) => (isOf(row, one) ? { ...row, amountMinor: 1 } : row)) },
      }),
      /^pi_K\d+ charged ¥[\d,]+ at Stripe, ¥1 collected by the books$/,
    ],
    [
      "a payment that is gone",
      ({ payments, ...rest }) => ({ books: { ...rest, payments: payments.filter((row) => !isOf(row, two)) } }),
      /^pi_K\d+ charged ¥[\d,]+, and no payment in the books names it$/,
    ],
    [
      "a refund in our name without a row",
      (_, stripe) => ({ stripe: { ...stripe, refunds: [{ ...refund, refundId: "r", operationId: "o" }] } }),
      /^pi_K\d+ re_1 names r, which no row of the books is$/,
    ],
    [
      "a payment called refunded that nobody gave back",
      ({ payments, ...rest }) => ({
        books: {
          ...rest,
          payments: payments.map((row) => (isOf(row, one) ? { ...row, state: "refunded" } : row)),
        },
      }),
      /^pi_K\d+ ¥[\d,]+ refunded by the books, ¥0 at Stripe$/,
    ],
    [
      "a subscription that a call ended",
      (_, stripe) => ({
        stripe: {
          ...stripe,
          subscriptions: stripe.subscriptions.map((each) =>
            each.status === "active" ? { ...each, status: "canceled", endedByRequest: true } : each,
          ),
        },
      }),
      /^sub_K\d+ was cancelled by a call, and its contract is active$/,
    ],
    [
      "a reservation that Stripe does not know",
      (_, stripe) => ({
        stripe: {
          ...stripe,
          subscriptions: stripe.subscriptions.map((each) => ({ ...each, endsAtPeriodEnd: false })),
        },
      }),
      /^sub_K\d+ goes on at Stripe, and its contract is reserved to end$/,
    ],
    [
      "an invoice that a call voided for a suspended contract",
      (_, stripe) => ({
        stripe: {
          ...stripe,
          invoices: stripe.invoices.map((each) => (each.status === "open" ? { ...each, closedByRequest: true } : each)),
        },
      }),
      /^sub_K\d+ 1 closed by calls, and its contract is payment_unconfirmed$/,
    ],
    [
      "an invoice that was left open for a contract that was called off",
      ({ contracts: booked, ...rest }) => ({
        books: {
          ...rest,
          contracts: booked.map((each) =>
            each.status === "awaiting_payment" ? { ...each, status: "canceled" } : each,
          ),
        },
      }),
      /^sub_K\d+ 1 can still be paid, and its contract is canceled$/,
    ],
  ])("finds %s", async (_, change, words) => {
    const stripe = await seededSide(contracts, day);
    expect(differencesOf(books, stripe)).toEqual([]);
    const changed = change(books, stripe);
    expect(differencesOf(changed.books ?? books, changed.stripe ?? stripe)).toContainEqual(
      expect.stringMatching(words),
    );
  });

  test("finds two refunds for one row, and does not mind one made elsewhere", async () => {
    const stripe = await seededSide(contracts, day);
    const row = { id: "r", contractId: one, paymentId: `${one}:one_time_price`, paymentIntentId: intentOf(one) };
    const booked = { ...row, amountMinor: 100, state: "succeeded", stripeRefundId: "re_1", operationId: "o" };
    const ours = { ...refund, refundId: "r", operationId: "o" };
    const twice = [ours, { ...ours, id: "re_2", paymentIntentId: intentOf(two) }];
    const found = differencesOf({ ...books, refunds: [booked] }, { ...stripe, refunds: twice });
    expect(found).toContain(`${intentOf(two)} 2 refunds for r, on ${intentOf(one)} and ${intentOf(two)}`);
    const elsewhere = { ...refund, refundId: null, operationId: null };
    expect(differencesOf(books, { ...stripe, refunds: [elsewhere] })).toEqual([]);
  });

  test("holds a refund made elsewhere against its rows once it was reported", async () => {
    const stripe = await seededSide(contracts, day);
    const elsewhere = { ...refund, refundId: null, operationId: null };
    const row = { id: "re_1", contractId: one, paymentId: `${one}:one_time_price`, paymentIntentId: intentOf(one) };
    const booked = { ...row, amountMinor: 100, state: "succeeded", stripeRefundId: "re_1", operationId: "o" };
    const comparedWith = (refunds: Books["refunds"], made: StripeSide["refunds"] = [elsewhere]) =>
      compare({ ...books, refunds }, { ...stripe, refunds: made });
    const linesOf = (comparison: ReturnType<typeof compare>) => {
      const line = comparison.lines.find(({ id }) => id === intentOf(one));
      return [...(line?.differences ?? []), ...(line?.remarks ?? [])];
    };
    const agreed = comparedWith([booked]);
    expect(linesOf(agreed)).toEqual([]);
    const total = (name: string) => agreed.totals.find((each) => each.name === name)?.inBooks;
    expect(total("refunds by others")).toEqual({ count: 1, amountMinor: 100 });
    expect(total("refunds by keiyaku")).toEqual({ count: 0, amountMinor: 0 });
    expect(linesOf(comparedWith([]))).toEqual([expect.stringMatching(/^¥100 of ¥[\d,]+ refunded elsewhere$/)]);
    expect(linesOf(comparedWith([{ ...booked, amountMinor: 70 }]))).toEqual(["re_1 is over ¥100, ¥70 by the books"]);
    expect(linesOf(comparedWith([{ ...booked, state: "failed" }]))).toEqual(["re_1 is succeeded, failed by the books"]);
    expect(linesOf(comparedWith([booked], []))).toEqual([
      "the books have re_1 as succeeded, and Stripe has no such refund",
    ]);
  });
});

test("a demo that did nothing has failed", () => {
  const account = { requests: 1_000, operations: 0, repeated: 0, reused: 0, refused: 0 };
  const nothing = { comparison: { lines: [], totals: [] }, account, effectCount: 0, heldCount: 0, unreported: [] };
  expect(failuresOf(nothing)).toEqual([
    "There was nothing to compare.",
    "No operation came to its end.",
    "No call changed anything at the stand-in.",
    "What became of 1,000 requests cannot be told.",
  ]);
});

describe("the three months", () => {
  test("end before today, on any day, and no further back than Stripe lists events", () => {
    const first = Temporal.PlainDate.from("2027-01-01");
    for (let days = 0; days < 4 * 366; days += 1) {
      const today = first.add({ days });
      const begins = beginningOf({ today: today.toString(), zone });
      const thirdRenewal = begins.add({ months: 3 }).toPlainDate();
      const ago = thirdRenewal.until(today, { largestUnit: "days" }).days;
      expect([ago > 0, ago < 15], `on ${today.toString()}, ${ago} days ago`).toEqual([true, true]);
    }
  });

  const standings = allSubscribers.map((subscriber) => ({ ...subscriber, subscriber, open: [] }));
  const types = [
    { type: "invoice.paid", reported: 2, applied: 2, ownCalls: 0, ignored: 0, waiting: 0, found: 1 },
  ] as const;
  const asTheyMust: Reports = { types, standings, heldCount: 0 };

  test.each<[string, (reports: Reports) => Reports, readonly string[]]>([
    ["nothing when all is as it must be", (reports) => reports, []],
    ["that nothing was reported", (reports) => ({ ...reports, types: [] }), ["Stripe reported nothing."]],
    [
      "events that wait",
      (reports) => ({ ...reports, types: types.map((type) => ({ ...type, waiting: 1 })) }),
      ["1 of Stripe's events wait, and nothing here should."],
    ],
    [
      "that nothing had to be found",
      (reports) => ({ ...reports, types: types.map((type) => ({ ...type, found: 0 })) }),
      ["The back-fill found nothing, and some events were never delivered."],
    ],
    [
      "a contract that stands otherwise",
      (reports) => ({
        ...reports,
        standings: standings.map((each) => (each.contractId === "S-0003" ? { ...each, status: "active" } : each)),
      }),
      ["S-0003 is active (paid, paid, never_charged), and must be terminated (paid, paid, never_charged)."],
    ],
  ])("tell %s", (_, change, faults) => {
    expect(faultsIn(change(asTheyMust))).toEqual(faults);
  });
});

describe("the year", () => {
  const order = (date: Temporal.PlainDate, other: Temporal.PlainDate) => Temporal.PlainDate.compare(date, other);
  const endingOn = (today: Temporal.PlainDate, time = "18:00") =>
    new YearDates({ today: today.toString(), zone }, today.toZonedDateTime({ timeZone: zone, plainTime: time }));
  /** Two years of days, with the leap day of 2028. */
  const every = Array.from({ length: 2 * 366 }, (_, days) => Temporal.PlainDate.from("2027-01-01").add({ days }));

  test("ends today, on any day, and holds all that happens in it", () => {
    for (const today of every) {
      const dates = endingOn(today);
      const count = dates.months.flat().length;
      expect(count === 365 || count === 366, `${count} dates up to ${today.toString()}`).toBe(true);
      for (const contract of yearContracts) {
        const { registeredOn = "start", happens = [] } = contract;
        const written = [registeredOn, "start", ...happens.map(({ on }) => on)];
        const isInside = written
          .map((on) => dates.of(contract, on))
          .every((date) => order(date, dates.first) >= 0 && order(date, today) <= 0);
        expect(isInside, `${contract.contractId} on ${today.toString()}`).toBe(true);
        const { paidBefore } = contract.must;
        if (paidBefore !== undefined) expect(order(dates.of(contract, paidBefore), today)).toBeLessThan(0);
      }
    }
  });

  test("has people ask, on any day, for what the day of the demo does not decide", () => {
    for (const today of every) {
      const dates = endingOn(today);
      for (const contract of yearContracts) {
        const current = dates.paidPeriodsOf(contract) - 1;
        const renewedOn = dates.startOf(contract).add({ months: current });
        for (const happening of contract.happens ?? []) {
          if (contract.method === "card" || happening.type !== "asked") continue;
          const { kind } = happening.request;
          const needsToday = ["reserve_termination", "withdraw_reservation", "resume"].includes(kind);
          const isOpen = kind === "suspend" && happening.request.params.period === undefined;
          if (needsToday || isOpen) {
            const isInPeriod = order(renewedOn, dates.of(contract, happening.on)) < 0;
            expect(isInPeriod, `${kind} of ${contract.contractId} on ${today.toString()}`).toBe(true);
          }
        }
      }
    }
  });

  test.each([
    ["2027-02-28", "18:00", 3, 3],
    ["2027-02-28", "09:00", 2, 3],
    ["2027-03-30", "18:00", 3, 3],
    ["2027-03-31", "18:00", 4, 4],
  ])("counts what began on a 31st, on %s at %s", (today, time, card, bank) => {
    const dates = endingOn(Temporal.PlainDate.from(today), time);
    const startsOn = "2026-12-31";
    expect(dates.paidPeriodsOf({ startsOn, method: "card" })).toBe(card);
    expect(dates.paidPeriodsOf({ startsOn, method: "bank_transfer" })).toBe(bank);
  });

  const standings = yearContracts.map((contract) => {
    const must = { status: contract.must.status, payments: "1 paid", open: "0" };
    return { contract, is: must, must };
  });
  const brought = [{ kind: "renew", succeeded: 1, rejected: 0, ofOthers: 0 }] as const;
  const runs = { dates: 365, datesDone: 365 };
  const asItMust: YearReport = { standings, brought, ...runs, held: 0, open: 0, eventsWaiting: 0, auditHolds: true };

  test.each<[string, Partial<YearReport>, readonly string[]]>([
    ["nothing when all is as it must be", {}, []],
    ["that no date brought anything", { brought: [] }, ["The year's dates brought nothing."]],
    ["a date without its run", { datesDone: 364 }, ["Of 365 dates 364 have had their run."]],
    ["operations that are open", { open: 2 }, ["2 operations are open at the year's end."]],
    ["events that wait", { eventsWaiting: 1 }, ["1 of Stripe's events wait at the year's end."]],
    ["what the audit found", { auditHolds: false }, ["The audit found what must not be."]],
    [
      "a contract that stands otherwise",
      { standings: standings.slice(0, 1).map((each) => ({ ...each, is: { ...each.is, open: "–" } })) },
      ["Y-0001 is active (1 paid; open –), and must be active (1 paid; open 0)."],
    ],
  ])("tells %s", (_, change, faults) => {
    expect(faultsInYear({ ...asItMust, ...change })).toEqual(faults);
  });
});

describe("npm run demo", () => {
  /** Less than a minute on two cores; many times as much beside others. */
  const wholeDemo = { timeout: 600_000 };

  const undos: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const undo of undos.splice(0).toReversed()) await undo();
  });

  async function setup() {
    const dataDir = await makeDataFolder("keiyaku-demo-");
    // As root, the server runs as another user, who is to find its folder by its name.
    await chmod(dataDir, 0o755);
    undos.push(() => rm(dataDir, { recursive: true, force: true }));
    const running: ChildProcess[] = [];
    const start = (args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) => {
      const { PATH = "", HOME = "" } = process.env;
      const child = spawn(process.execPath, ["--import", "tsx", "sandbox/demo/demo.ts", ...args], {
        cwd: root,
        env: { PATH, HOME, KEIYAKU_DATA_DIR: dataDir, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      running.push(child);
      let text = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
      const ended = new Promise<number | string>((resolve) =>
        child.once("close", (code, signal) => resolve(code ?? signal ?? "unknown")),
      );
      return { child, said: () => text, ended };
    };
    undos.push(async () => {
      for (const child of running) child.kill("SIGKILL");
      for (const pid of await processesOf(dataDir)) process.kill(pid, "SIGKILL");
    });
    return { dataDir, start };
  }

  test("does its work and leaves nothing running, also over what a killed run has left", wholeDemo, async () => {
    const { dataDir, start } = await setup();
    const killed = start();
    await eventually(() => killed.said().includes("requests are queued"), { withinMs: 240_000 });
    killed.child.kill("SIGKILL");
    await killed.ended;
    // The worker hears that the demo is gone; the server does not, and is left to the next run.
    await eventually(async () => (await processesOf(dataDir)).length <= 1, { withinMs: 30_000 });

    const { said, ended } = start();
    expect(await ended, said()).toBe(0);
    for (const words of [
      "309 registered, 0 not",
      "974 requests are queued, 26 refused by the client",
      "790 operations have come to their end",
      "790  are operations of the ledger",
      "1  refund_owed ",
      "契約ステータスが",
      "K-0003:one_time_price  ¥24,800  Stripe refused: charge_disputed",
      "pi_K0004   ¥1,500 of ¥3,980 refunded elsewhere",
      "Differences: none",
      "contract show K-0003",
      "12 events are sent twice",
      "3 of them had not arrived, and were taken in",
      "S-0001    pays every month                     active 契約継続中  paid, paid, paid, paid      0 1 2 3",
      "S-0003    declined for good                    terminated 解約    paid, paid, never_charged   0 1",
      "S-0004    one month refunded on the dashboard  active 契約継続中  paid, paid, refunded, paid  0 1 2 3",
      "Y-0001    card           pays every month ",
      "Y-0022    other          made by hand: no product's month for it ",
      "keiyaku audit",
      "refunds by others                   4     ¥28,580             1      ¥1,280  ≠ see below",
    ]) {
      expect(said()).toContain(words);
    }
    // The story of a card that fails and recovers, as `contract show` tells it.
    expect(said()).toMatch(
      /contract +S-0002[\s\S]+active 契約継続中 → payment_unconfirmed[\s\S]+payment_unconfirmed 決済未確認 → active/,
    );
    expect(said()).toMatch(/What the 36[56] dates brought/);
    // A year of dates: 2 starts, the end of 1 special period, and 2 reservations by the product's month.
    expect(said()).toMatch(/start +契約開始 +2 +0 +0\n/);
    expect(said()).toMatch(/end_special_period +特別期間の終了 +1 +0 +0\n/);
    expect(said()).toMatch(/reserve_by_product_month +商品の年月指定による解約予約 +2 /);
    expect(said()).toMatch(/I13 +376 contracts +0 {2}Every date had its daily run/);
    expect(said()).toBe(stripVTControlCharacters(said()));
    expect(await processesOf(dataDir)).toEqual([]);
    const compared = await readFile(join(dataDir, "demo", "comparison.txt"), "utf8");
    expect(compared).toMatch(/^understood {2}payment intent pi_K0001 {2}K-0001$/m);
    expect(compared).not.toContain("DIFFERS");
    expect(await readdir(dataDir)).toEqual(["demo"]);
  });

  // The one whole run on Redis. That each of them is found by itself, the tests of the comparison hold; the second refund stands
  // at both intents.
  test("ends with 1 and names each planted difference, and no more", wholeDemo, async () => {
    const { dataDir, start } = await setup();
    const planted = {
      refund: /pi_K\d+_\d+ +2 refunds for K-0001:one_time_price:refund:1, on pi_K0001 and/,
      payment: /pi_\w+ +charged ¥[\d,]+ at Stripe, ¥[\d,]+ collected by the books/,
      subscription: /sub_\w+ +was cancelled by a call, and its contract is active/,
    };
    const args = Object.keys(planted).flatMap((name) => ["--plant", name]);
    const { said, ended } = start(args, { REDIS_URL: inject("redisUrl") });
    expect(await ended, said()).toBe(1);
    for (const words of Object.values(planted)) expect(said()).toMatch(words);
    expect(said()).toMatch(/✘ The books and Stripe's ledger differ in 4 of the lines\./);
    expect(await processesOf(dataDir)).toEqual([]);
  });

  test("stops everything on Ctrl-C, in the middle of its work", wholeDemo, async () => {
    const { dataDir, start } = await setup();
    const { child, said, ended } = start();
    await eventually(() => said().includes("requests are queued"), { withinMs: 240_000 });
    expect((await processesOf(dataDir)).length).toBeGreaterThan(1);
    child.kill("SIGINT");
    expect(await ended, said()).toBe(130);
    expect(await processesOf(dataDir)).toEqual([]);
    expect(said()).not.toContain("rror");
  });

  test("refuses a live key before it starts anything, and a second demo over the same folder", async () => {
    const { dataDir, start } = await setup();
    const live = start([], { STRIPE_SECRET_KEY: "sk_live_0123" });
    expect(await live.ended).toBe(2);
    expect(live.said()).toContain("STRIPE_SECRET_KEY is a live key");
    expect(await readdir(dataDir)).toEqual([]);

    const first = start();
    await eventually(() => first.said().includes("PostgreSQL is up"), { withinMs: 60_000 });
    const second = start();
    expect(await second.ended).toBe(2);
    expect(second.said()).toContain(`Another demo runs (process ${first.child.pid})`);
    first.child.kill("SIGTERM");
    expect(await first.ended).toBe(143);
    expect(await processesOf(dataDir)).toEqual([]);
  });
});

/** Servers and workers that name the folder in their command line. */
async function processesOf(dataDir: string): Promise<readonly number[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-ww", "-o", "pid=,args="]);
  return stdout.split("\n").flatMap((line) => (line.includes(dataDir) ? [Number.parseInt(line, 10)] : []));
}

function isOf({ contractId }: { readonly contractId: string }, id: string): boolean {
  return contractId === id;
}

/** Every contract that is imported, or registered by a request that is meant to succeed. */
function registeredContracts(day: DemoDay): readonly DemoContract[] {
  const { lines, contracts } = resolveDemoFiles(makeDemoFiles(), day);
  for (const line of lines) {
    const text = JSON.stringify(line);
    const read = readImportLine(Buffer.from(text));
    if (read.type === "bad") throw new Error(`${text}: ${read.bad.problem}`);
  }
  return contracts.filter(({ contractId }) => /^[KN]-/.test(contractId));
}

/** What the tables would say once every contract is registered on this day. */
function booksOf(contracts: readonly DemoContract[], today: string): Books {
  const registered = contracts.map(({ contractId, params }) => {
    const { access, kind, priceMinor } = { access: "per_period" as const, ...params };
    const step = register.next(
      {
        operation: {
          id: importId(contractId, 1),
          kind: "register",
          contractId,
          actor: { type: "service", id: "import" },
          params,
          hasReason: false,
        },
        today: parseBusinessDate(today),
        takenAt: `${today}T03:00:00Z`,
        zone,
        tombstone: null,
        heldOperationId: null,
        reportedEarly: [],
        policy,
        catalog: {
          product: {
            id: params.productId,
            kind,
            access,
            priceMinor,
            automaticTerminationMonth: null,
            automaticTerminationMonthSetAt: `${today}T03:00:00Z`,
            version: 1,
          },
          customerKnown: true,
          stripeReferenceTaken: false,
        },
        params,
      },
      new Map(),
    );
    if (step.type !== "settle") throw new Error(`${contractId} on ${today}: ${JSON.stringify(step)}`);
    const { registration, newPayments = [] } = step.change;
    if (registration === undefined) throw new Error(`${contractId} is not registered`);
    return { contract: registration.contract, newPayments };
  });
  const byCard = registered.filter(({ contract }) => contract.paymentMethod === "card");
  return {
    contracts: byCard.map(({ contract: { id, status, stripeSubscriptionId, terminationOn } }) => ({
      id,
      status,
      subscriptionId: stripeSubscriptionId,
      isReserved: terminationOn !== null,
    })),
    payments: byCard.flatMap(({ contract, newPayments }) =>
      newPayments.map(({ id, subject, state, amountMinor, stripePaymentIntentId }: NewPayment) => ({
        id,
        contractId: contract.id,
        subject,
        state,
        amountMinor,
        paymentIntentId: stripePaymentIntentId,
      })),
    ),
    refunds: [],
  };
}

/** The stand-in's side on this day, before anything is asked. */
async function seededSide(contracts: readonly DemoContract[], day: DemoDay): Promise<StripeSide> {
  const standIn = await startStripeStandIn({ now: () => Date.parse(`${day.today}T03:00:00Z`) });
  try {
    const seed = stripeSeed(contracts, day);
    await standIn.control.seed(seed);
    const reserved = (seed.subscriptions ?? []).flatMap(({ id, cancelAtPeriodEnd }) => (cancelAtPeriodEnd ? [id] : []));
    return sideOf(await standIn.control.ledger(), new Set(reserved));
  } finally {
    await standIn.stop();
  }
}
