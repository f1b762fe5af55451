import { type VerbWord, verbWords } from "./stripe/watched-gateway.ts";

/*
 * Every point at which a test can make the process fail: before and after each statement, and before and after each look
 * and call at Stripe, `after` being the moment when its reply is here. `npm run test:crash` kills, pauses and cuts off workers at all
 * those of execution; what is added to the way of an operation has to be entered here, and something there has to pass it.
 */

/** The statements that an operation may pass on its way from its request to its end. */
export const executionStatements = [
  "view_to_settle",
  "settle_requests",
  "accept_request",
  "read_operation",
  "still_in_the_way",
  "admit_operation",
  "journal_look",
  "read_refunded_this_hour",
  "journal_intent",
  "journal_resend",
  "journal_answer",
  "sign_of_life",
  "put_back_operation",
  "hold_operation",
  "reject_operation",
  "settle_operation",
] as const;

/** The statements of doors, operators, producers and watchers, which no operation at work passes. */
export const otherStatements = [
  "abandon_held_operation",
  "apply_event",
  "audit_page",
  "audit_violations",
  "begin_check",
  "begin_run",
  "claim_notifications",
  "count_books",
  "count_contracts",
  "count_forecast",
  "count_migrations",
  "count_open_of_run",
  "count_others",
  "end_phase",
  "find_event_contract",
  "find_mentioned_deletions",
  "find_subscriptions",
  "find_check_since",
  "find_unfinished_check",
  "forget_late_customer",
  "give_up_on_claims",
  "hold_event",
  "ignore_event",
  "ignore_event_by_hand",
  "import_catalog",
  "inspect_server",
  "keep_event_unmatched",
  "known_subscriptions",
  "ledger_figures",
  "let_event_rest",
  "list_events",
  "list_held",
  "list_notifications",
  "list_operations",
  "list_owed_refunds",
  "list_runs",
  "mail_figures",
  "next_event_look",
  "next_operation",
  "note_delivery",
  "note_listed",
  "note_looked",
  "notify_soon",
  "ping",
  "prune_events",
  "put_customer",
  "put_off_event",
  "put_product",
  "read_books",
  "read_books_page",
  "read_contract_history",
  "read_customer",
  "read_due_events",
  "read_event_record",
  "read_event_versions",
  "read_forecast_page",
  "read_listed_until",
  "read_notification",
  "read_operation_record",
  "read_operation_summary",
  "read_outcomes",
  "read_product",
  "read_runs",
  "refuse_unreadable",
  "replay_event",
  "request_due",
  "request_repair",
  "resend_notification",
  "retry_held_operation",
  "ring_again",
  "ring_workers",
  "run_figures",
  "schema_version",
  "take_in_events",
  "take_silent_operations",
  "take_to_ring",
  "tell_operators_apart",
  "view_unrequested",
] as const;

type StatementName = (typeof executionStatements)[number] | (typeof otherStatements)[number];
type Moment = "before" | "after";
export type FailpointName = `${Moment}:${StatementName}` | `${Moment}:stripe:${VerbWord}`;

function around<Point extends string>(points: readonly Point[]): readonly `${Moment}:${Point}`[] {
  return points.flatMap((point) => [`before:${point}`, `after:${point}`] as const);
}

/** The failpoints of execution, all of which the crash tests pass. */
export const executionFailpoints: readonly FailpointName[] = [
  ...around(executionStatements),
  ...around(Object.values(verbWords).map((word) => `stripe:${word}` as const)),
];

const names: ReadonlySet<string> = new Set<FailpointName>([...executionFailpoints, ...around(otherStatements)]);

export function isFailpointName(name: string): name is FailpointName {
  return names.has(name);
}
