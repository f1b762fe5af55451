/** One rule taken out of the source, and the tests that hold it. */
export interface Mutant {
  /** The rule that is taken out, as the table calls it. */
  readonly rule: string;
  /** What happens without it, in a few words. */
  readonly without: string;
  readonly file: string;
  /** The text of the rule; stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Test files of which at least one test has to fail. */
  readonly tests: readonly string[];
}

const execution = "test/integration/execution";
const store = "test/integration/store";
const maintenance = "test/integration/maintenance";
const audited = "test/integration/audit/planted.test.ts";
const compared = "test/unit/reconcile/compare.test.ts";
const examined = "test/integration/cli/doctor.test.ts";

/** What exactly-once rests on, a rule at a time. */
export const mutants: readonly Mutant[] = [
  {
    rule: "one key for every sending of a call",
    without: "each sending has a key of its own",
    file: "src/execution/make-call.ts",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source, not a template
    find: "`keiyaku:${operationId}:${name}:${keyNumber}`",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source, not a template
    replace: "`keiyaku:${operationId}:${name}:${keyNumber}${Date.now()}`",
    tests: [`${execution}/keys.test.ts`],
  },
  {
    rule: "the intent is journaled before the call",
    without: "it is journaled while the call is on its way",
    file: "src/execution/make-call.ts",
    find: "await journalIntent(deps.db,",
    replace: "void journalIntent(deps.db,",
    tests: [`${execution}/make-call.test.ts`, `${execution}/keys.test.ts`],
  },
  {
    rule: "a key is trusted for 23 hours, then Stripe is looked at",
    without: "the old key is sent for ever",
    file: "src/execution/make-call.ts",
    find: "firstSentAgoMs < keyTrustedForMs",
    replace: "firstSentAgoMs >= 0",
    tests: [`${execution}/keys.test.ts`],
  },
  {
    rule: "no new key while the last request may be under way",
    without: "the next key is used at once",
    file: "src/execution/make-call.ts",
    find: "lastSentAgoMs < keySurelyForgottenMs",
    replace: "lastSentAgoMs < 0",
    tests: [`${execution}/keys.test.ts`],
  },
  {
    rule: "a look before a refusal is believed",
    without: "the refusal of a repetition is taken for the first one's",
    file: "src/execution/make-call.ts",
    find: 'const adoption = await adoptEffect(deps, attempt, step);\n  if (adoption.type === "answered") return undefined;',
    replace:
      'const adoption = { type: "not_found" } as Adoption;\n  if (adoption.type === "answered") return undefined;',
    tests: [`${execution}/make-call.test.ts`, `${execution}/refund-identity.test.ts`],
  },
  {
    rule: "an ending is guarded by the operation's state",
    without: "whoever wakes up writes over what is so",
    file: "src/store/operation-parts.ts",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source, not a template
    find: "and state = ${state}::keiyaku.operation_state and attempt",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source, not a template
    replace: "and ${state}::keiyaku.operation_state is not null and attempt",
    tests: [`${store}/settle-operation.test.ts`, `${execution}/transitions.test.ts`],
  },
  {
    rule: "an ending is guarded by the attempt's number",
    without: "an attempt that slept ends what another has taken over",
    file: "src/store/operation-parts.ts",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source, not a template
    find: "and attempt = ${attempt} returning id",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source, not a template
    replace: "and ${attempt} = ${attempt} returning id",
    tests: [`${store}/settle-operation.test.ts`, `${execution}/transitions.test.ts`],
  },
  {
    rule: "an admission counts the attempt",
    without: "two attempts have one number",
    file: "src/store/admit-operation.ts",
    find: "attempt = attempt + 1, attempts_counted",
    replace: "attempt = greatest(attempt, 1), attempts_counted",
    tests: [`${execution}/turns.test.ts`, `${execution}/transitions.test.ts`],
  },
  {
    rule: "every part of a statement is counted",
    without: "a part that meets no row goes unnoticed",
    file: "drizzle/0001_functions.sql",
    find: "if expected[part] is distinct from met[part] then",
    replace: "if expected[part] is distinct from met[part] and part = 1 then",
    tests: [`${store}/guarded-statement.test.ts`, `${store}/settle-operation.test.ts`],
  },
  {
    rule: "a settlement goes through its contract's version",
    without: "two settle from what one of them has changed",
    file: "src/store/settlement-parts.ts",
    find: 'where c.id = m."id" and c.version = m."version" returning c.id',
    replace: 'where c.id = m."id" returning c.id',
    tests: [`${store}/settle-operation.test.ts`, `${execution}/settle-at-once.test.ts`],
  },
  {
    rule: "a settlement takes its contract's next version",
    without: "payments and licenses change behind the version's back",
    file: "src/store/settlement-parts.ts",
    find: "update keiyaku.contracts c set version = c.version + 1,",
    replace: "update keiyaku.contracts c set version = c.version,",
    tests: [`${store}/settle-operation.test.ts`, `${execution}/settle-at-once.test.ts`],
  },
  {
    rule: "the oldest open operation comes first",
    without: "a younger one overtakes it",
    file: "src/execution/admit.ts",
    find: "return view.olderOperationId ?? view.occupiedByOperationId;",
    replace: "return view.occupiedByOperationId;",
    tests: [`${execution}/turns.test.ts`],
  },
  {
    rule: "what is accepted with its end comes behind what is open",
    without: "it overtakes what was accepted meanwhile",
    file: "drizzle/0001_functions.sql",
    find: "join keiyaku.operations o on o.contract_id = s #>> '{request,contractId}'\n      and o.state in ('requested', 'executing', 'held'))",
    replace:
      "join keiyaku.operations o on o.contract_id = s #>> '{request,contractId}'\n      and o.state in ('held'))",
    tests: [`${execution}/settle-at-once.test.ts`],
  },
  {
    rule: "what is accepted with its end waits for what is being accepted",
    without: "it overtakes what is not committed yet",
    file: "drizzle/0001_functions.sql",
    find: "perform pg_advisory_xact_lock(1262840145, key)",
    replace: "perform key",
    tests: [`${execution}/settle-at-once.test.ts`],
  },
  {
    rule: "the sweep rings for what is due and silent",
    without: "a lost bell is never rung again",
    file: "src/store/ring-list.ts",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source, not a template
    find: "order by o.ring_at limit ${limit} for update of o skip locked",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source, not a template
    replace: "order by o.ring_at limit ${limit} * 0 for update of o skip locked",
    tests: [`${store}/ring-list.test.ts`],
  },
  {
    rule: "an event is taken in once",
    without: "its repetition is applied again",
    file: "src/store/take-in-events.ts",
    find: "on conflict (id) do nothing returning id",
    replace:
      "on conflict (id) do update set state = 'received', concluded_at = null, look_at = clock_timestamp() returning id",
    tests: [
      "test/integration/inbox/apply-events.test.ts",
      `${store}/inbox-reads.test.ts`,
      "test/integration/queue/stripe-events.test.ts",
    ],
  },
  {
    rule: "a mail is claimed before it is sent",
    without: "two senders send it",
    file: "src/store/claim-notifications.ts",
    find: "set state = 'claimed', attempt = n.attempt + 1, claimed_at = clock_timestamp(), next_attempt_at = null",
    replace: "set attempt = n.attempt + 1",
    tests: ["test/integration/mail/sending.test.ts"],
  },
  {
    rule: "what is due is what was due by then",
    without: "a day that nobody worked is missed",
    file: "src/store/find-due.ts",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source, not a template
    find: "and ${dueOn} <= ${date} and (",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source, not a template
    replace: "and ${dueOn} = ${date} and (",
    tests: [`${maintenance}/find-due.test.ts`, `${maintenance}/daily-run.test.ts`],
  },
  {
    rule: "a phase begins when the one before has ended",
    without: "what ends today is renewed first",
    file: "src/store/maintenance-runs.ts",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source, not a template
    find: "where ${isOfRun(run)} and o.state in ('requested', 'executing', 'held')\n        and o.state <> 'held'",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source, not a template
    replace: "where ${isOfRun(run)} and o.state in ('held')\n        and o.state <> 'held'",
    tests: [`${maintenance}/daily-run.test.ts`],
  },
  {
    rule: "the phases have their order",
    without: "what ends today is renewed first",
    file: "src/contract/scheduled.ts",
    find: '  "terminate_at_renewal",\n  "end_special_period",\n  "renew",',
    replace: '  "renew",\n  "end_special_period",\n  "terminate_at_renewal",',
    tests: [`${maintenance}/daily-run.test.ts`],
  },
  {
    rule: "what runs are owed counts for a deletion",
    without: "a deletion sees only what the history has",
    file: "src/contract/operations/delete.ts",
    find: "world: withUnrecordedPaid(asGiven)",
    replace: "world: asGiven.world",
    tests: [`${maintenance}/before-the-catch-up.test.ts`],
  },
  {
    rule: "what was over at the registration is not made up for",
    without: "a late run takes months of another system as paid",
    file: "src/contract/renewals.ts",
    find: "return endsOn > businessDateOf(createdAt, zone);",
    replace: "return endsOn > createdAt.slice(0, 0);",
    tests: [`${maintenance}/before-the-catch-up.test.ts`],
  },
  {
    rule: "audit I1: a payment goes back once",
    without: "a payment may go back twice over",
    file: "src/audit/i1-refunded-once.ts",
    find: "having sum(r.amount_minor) > p.amount_minor",
    replace: "having sum(r.amount_minor) > 2 * p.amount_minor",
    tests: [audited],
  },
  {
    rule: "audit I1: a refund is one at Stripe",
    without: "a refund may be two at Stripe",
    file: "src/audit/i1-refunded-once.ts",
    find: "having count(distinct s.answer #>> '{value,id}') > 1",
    replace: "having count(distinct s.answer #>> '{value,id}') > 2",
    tests: [audited],
  },
  {
    rule: "audit I3: every call is answered",
    without: "a call may stay without an answer",
    file: "src/audit/i3-calls-answered.ts",
    find: "and s.type = 'call' and s.answer is null and o.state = 'succeeded'",
    replace: "and s.type = 'call' and s.answer is null and o.state = 'held'",
    tests: [audited],
  },
  {
    rule: "audit I6: the chain does not break",
    without: "an operation may find what none has left",
    file: "src/audit/i6-contract-is-its-history.ts",
    find: "where d.before is distinct from d.previous or",
    replace: "where false or",
    tests: [audited],
  },
  {
    rule: "audit I8: nothing is changed uncounted",
    without: "a version may run ahead",
    file: "src/audit/i8-every-change-is-counted.ts",
    find: "c.version not between coalesce(b.least, 1) and coalesce(b.most, 1)",
    replace: "c.version < coalesce(b.least, 1)",
    tests: [audited],
  },
  {
    rule: "audit I13: no date is left out",
    without: "a date may have no run",
    file: "src/audit/i13-each-day-once.ts",
    find: "r.next_date > r.business_date + 1",
    replace: "r.next_date > r.business_date + 2",
    tests: [audited],
  },
  {
    rule: "audit I13: what is due by a date counts",
    without: "only what is due on the date counts",
    file: "src/audit/i13-each-day-once.ts",
    find: "from unchanged where termination_on <= on_date",
    replace: "from unchanged where termination_on = on_date",
    tests: [audited],
  },
  {
    rule: "audit I13: no month is lost within a stop",
    without: "only the last run's date counts",
    file: "src/audit/i13-each-day-once.ts",
    find: "where g.recorded < g.periods",
    replace: "where g.recorded < 0",
    tests: [audited],
  },
  {
    rule: "audit I14: each is told",
    without: "operators may be left out",
    file: "src/audit/i14-one-mail-each.ts",
    find: "('customer'), ('operators')",
    replace: "('customer'), ('customer')",
    tests: [audited],
  },
  {
    rule: "audit I21: what is refunded went back",
    without: "half of it is enough",
    file: "src/audit/i21-money-is-conserved.ts",
    find: "p.settled_minor < p.amount_minor and not",
    replace: "p.settled_minor < p.amount_minor / 2 and not",
    tests: [audited],
  },
  {
    rule: "reconcile: a subscription that outlives its contract is told",
    without: "Stripe may go on charging",
    file: "src/reconcile/compare-subscriptions.ts",
    find: 'return hasEnded(subscription) ? [] : [differenceOf(books, "subscription_outlives_contract", detail)];',
    replace: "return [];",
    tests: [compared],
  },
  {
    rule: "reconcile: money that is booked short is told",
    without: "only a charge of nothing counts",
    file: "src/reconcile/compare-money.ts",
    find: "return bookedMinor > amountMinor\n        ?",
    replace: "return bookedMinor > 2 * amountMinor\n        ?",
    tests: [compared],
  },
  {
    rule: "reconcile: a refund that came to nothing moved nothing",
    without: "a failed refund is one that we lack",
    file: "src/reconcile/compare-money.ts",
    find: 'stripeRefundStatus !== "failed" && stripeRefundStatus !== "canceled"',
    replace: 'stripeRefundStatus !== "canceled"',
    tests: [compared],
  },
  {
    rule: "reconcile: what moves money is not repaired unasked",
    without: "a nightly look may give money back",
    file: "src/reconcile/reconcile.ts",
    find: 'verb === "refund_payment"',
    replace: 'verb === "list_refunds"',
    tests: ["test/integration/reconcile/reconcile.test.ts"],
  },
  {
    rule: "doctor: a key of another account is wrong",
    without: "one subscription that is missing is enough to say so",
    file: "src/doctor/check-stripe.ts",
    find: "const areStrangers = replies.every(",
    replace: "const areStrangers = replies.some(",
    tests: [examined],
  },
];
