import type { BusinessDate } from "../contract/calendar.ts";
import type { Define } from "./define.ts";
import type { ForecastOptions } from "./maintenance-forecast.ts";
import type { MaintenanceListOptions } from "./maintenance-list.ts";
import type { MaintenanceRunOptions } from "./maintenance-run.ts";
import { businessDate, jsonOption, positiveSeconds, wholeNumber } from "./option-values.ts";

/** A phase that moves waits for nobody this long: a call at Stripe takes seconds, and workers take turns. */
const patienceMsDefault = 600_000;

/** `keiyaku maintenance run`, `list`, `show` and `forecast`. */
export const defineMaintenance: Define = (parent, run) => {
  const group = parent
    .command("maintenance")
    .description("have done what each date brings, look at what it brought, and at what is ahead")
    .helpCommand(false);
  group
    .command("run")
    .description("bring every date that is owed to its end, today included; any number at once have one effect")
    .option("--date <date>", "up to this date (default: today)", businessDate)
    .option("--every-date", "a first run may be of an earlier date than today: the dates since are owed, too")
    .option("--patience <seconds>", "give up when nothing moves for so long", positiveSeconds, patienceMsDefault)
    .addOption(jsonOption())
    .action(({ patience, ...options }: Omit<MaintenanceRunOptions, "patienceMs"> & { readonly patience: number }) =>
      run(async (context) =>
        (await import("./maintenance-run.ts")).maintenanceRun(context, { ...options, patienceMs: patience }),
      ),
    );
  group
    .command("list")
    .description("list runs, the last date first")
    .option("--limit <number>", "how many", wholeNumber, 14)
    .addOption(jsonOption())
    .action((options: MaintenanceListOptions) =>
      run(async (context) => (await import("./maintenance-list.ts")).maintenanceList(context, options)),
    );
  group
    .command("show")
    .description("show the run of a date: how far it is, how its operations ended, and what is held")
    .argument("<date>", "the date", businessDate)
    .addOption(jsonOption())
    .action((date: BusinessDate, options: { readonly json?: boolean }) =>
      run(async (context) => (await import("./maintenance-show.ts")).maintenanceShow(context, { date, ...options })),
    );
  group
    .command("forecast")
    .description("show which contracts will start, renew and end in the days ahead, and why")
    .option("--days <number>", "how many days", wholeNumber, 60)
    .option("--limit <number>", "how many of the earliest to show; --json prints all", wholeNumber, 50)
    .option("--after <contract>", "begin behind this contract, where an interrupted one has ended")
    .addOption(jsonOption("print all as JSON, an object a line, contract by contract"))
    .action((options: ForecastOptions) =>
      run(async (context) => (await import("./maintenance-forecast.ts")).maintenanceForecast(context, options)),
    );
};
