import { type BusinessDate, businessDateOf, plusDays } from "../contract/calendar.ts";
import { type Expectation, type ExpectationReason, expectationsOf } from "../contract/forecast.ts";
import { databaseNow } from "../maintenance/daily-run.ts";
import { countForecast, readForecastPage } from "../store/read-forecast.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, writeJson, writeLine } from "./output.ts";
import { showTable } from "./show-table.ts";
import { type Report, withProgress } from "./with-progress.ts";

export interface ForecastOptions {
  readonly days: number;
  /** How many of the earliest the table shows. */
  readonly limit: number;
  /** Where an interrupted forecast goes on. */
  readonly after?: string;
  readonly json?: boolean;
}

/** As many contracts as are read in some hundredths of a second. */
const pageSize = 1_000;

type Expected = Expectation & { readonly contractId: string };

/**
 * Shows which contracts will start, renew and end in the days ahead, and why. Reads page by page, contract by contract, and keeps no
 * more than what it shows, so that a million contracts take time and no memory.
 */
export async function maintenanceForecast(context: CommandContext, options: ForecastOptions): Promise<ExitCode> {
  const { db, out, err, config } = context;
  const today = businessDateOf(await databaseNow(db), config.businessTimeZone);
  const until = plusDays(today, options.days);
  const earliest = new Earliest(options.limit);
  const counts = new Map<string, number>();
  const take = (expected: Expected) => {
    const { what, why } = expected;
    counts.set(`${what} ${why}`, (counts.get(`${what} ${why}`) ?? 0) + 1);
    if (options.json === true) writeJson(out, expected);
    else earliest.add(expected);
  };
  await withProgress(context, `Forecast to ${until}`, (report) =>
    read(context, options, { today, until }, take, report),
  );
  if (options.json !== true) {
    const shown = earliest.sorted();
    const rows = shown.map(({ on, contractId, what, why }) => [on ?? "–", contractId, whatWords[what], whyWords[why]]);
    out.write(showTable(out, ["on", "contract", "will", "because"], rows));
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    writeLine(out);
    writeLine(out, `  ${paint(out, "bold", total.toLocaleString("en"))} until ${until}: ${showCounts(counts)}`);
    if (shown.length < total) {
      writeLine(err, paint(err, "dim", `These are the ${shown.length} earliest; --limit shows more, --json all.`));
    }
  }
  return exitCodes.done;
}

async function read(
  { db, err, signal }: CommandContext,
  { after: first = "" }: ForecastOptions,
  days: { readonly today: BusinessDate; readonly until: BusinessDate },
  take: (expected: Expected) => void,
  report: Report,
): Promise<void> {
  const total = await countForecast(db, first);
  let [after, seen] = [first, 0];
  for (;;) {
    if (signal.aborted) {
      writeLine(err, `Contracts up to ${after} were looked at; --after ${after} goes on.`);
      signal.throwIfAborted();
    }
    const page = await readForecastPage(db, after, pageSize);
    for (const { contract, product } of page) {
      for (const each of expectationsOf(contract, product, days)) take({ contractId: contract.id, ...each });
    }
    seen += page.length;
    report(total === 0 ? 1 : seen / total, `${seen.toLocaleString("en")} contracts`);
    after = page.at(-1)?.contract.id ?? after;
    if (page.length < pageSize) return;
  }
}

/** The earliest of many, without keeping the rest. */
class Earliest {
  readonly #limit: number;
  #kept: Expected[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(expected: Expected): void {
    this.#kept.push(expected);
    if (this.#kept.length >= this.#limit * 4 + 100) this.#kept = [...this.sorted()];
  }

  sorted(): readonly Expected[] {
    const keyOf = ({ on, contractId }: Expected) => `${on ?? "9999-12-31"} ${contractId}`;
    return this.#kept.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)).slice(0, this.#limit);
  }
}

const whatWords: Record<Expectation["what"], string> = {
  start: "start",
  renew: "renew",
  end_special_period: "pay the normal price",
  end: "end",
};

const whyWords: Record<ExpectationReason, string> = {
  start_date: "its start date comes",
  renewal_date: "its renewal date comes",
  special_months: "its special months are over",
  asked_for: "it was asked for",
  stripe: "it was reserved at Stripe",
  product_month: "of its product's month",
  unpaid: "unless it is paid",
};

function showCounts(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => {
      const [what, why] = name.split(" ");
      return `${count.toLocaleString("en")} ${what} (${why})`;
    })
    .join(", ");
}
