import { type Command, Option } from "commander";
import { type EventState, eventStates } from "../store/list-events.ts";
import type { Define } from "./define.ts";
import type { EventBackfillOptions } from "./event-backfill.ts";
import type { EventListOptions } from "./event-list.ts";
import type { EventDecisionOptions } from "./event-replay.ts";
import type { EventShowOptions } from "./event-show.ts";
import { jsonOption, reasonText, wholeNumber } from "./option-values.ts";

/** `keiyaku event list`, `show`, `replay` and `ignore`. */
export const defineEvent: Define = (parent, run) => {
  const group = parent
    .command("event")
    .description("look at what Stripe has reported, decide about what waits for a person")
    .helpCommand(false);
  group
    .command("list")
    .description("list events, the last made first")
    .addOption(new Option("--state <states...>", "only in these states").choices(eventStates))
    .option("--contract <id>", "only about this contract")
    .option("--type <type>", "only of this type, such as invoice.paid")
    .option("--limit <number>", "how many", wholeNumber, 50)
    .addOption(jsonOption())
    .action(({ contract, state, ...options }: GivenFilter) => {
      const filter = {
        ...(contract === undefined ? {} : { contractId: contract }),
        ...(state === undefined ? {} : { states: state }),
      };
      return run(async (context) => (await import("./event-list.ts")).eventList(context, { ...filter, ...options }));
    });
  group
    .command("show")
    .description("show an event: what became of it, or why it waits")
    .argument("<event>", "Stripe's id of the event")
    .option("--body", "show what Stripe sent too; it may hold the customer's name and mail")
    .addOption(jsonOption())
    .action((eventId: string, options: Omit<EventShowOptions, "eventId">) =>
      run(async (context) => (await import("./event-show.ts")).eventShow(context, { eventId, ...options })),
    );
  decision(group.command("replay").description("have an event looked at again, as if it had just arrived")).action(
    (eventId: string, options: Omit<EventDecisionOptions, "eventId">) =>
      run(async (context) => (await import("./event-replay.ts")).eventReplay(context, { eventId, ...options })),
  );
  decision(group.command("ignore").description("end the wait of an event that is nothing of ours")).action(
    (eventId: string, options: Omit<EventDecisionOptions, "eventId">) =>
      run(async (context) => (await import("./event-ignore.ts")).eventIgnore(context, { eventId, ...options })),
  );
  group
    .command("backfill")
    .description("list what Stripe reported since the last time, and take in what never arrived")
    .option(
      "--since <moment>",
      "list more: from this moment on, at most 30 days ago, such as 2026-11-20T09:00:00+09:00",
    )
    .addOption(jsonOption())
    .action((options: EventBackfillOptions) =>
      run(async (context) => (await import("./event-backfill.ts")).eventBackfill(context, options), { stripe: true }),
    );
};

interface GivenFilter extends Pick<EventListOptions, "type" | "limit" | "json"> {
  readonly contract?: string;
  readonly state?: readonly EventState[];
}

/** What both decisions about an event ask for. */
function decision(command: Command): Command {
  return command
    .argument("<event>", "Stripe's id of the event")
    .requiredOption("--reason <text>", "why; no names and no mail addresses, since it is kept and shown", reasonText)
    .option("--actor <operator:name>", "who decides (default: this user)")
    .addOption(jsonOption());
}
