import { ruleOf } from "../contract/operations/index.ts";
import type { Plan, PlannedReservation } from "../contract/plan.ts";
import { type Output, paint, plainText } from "./output.ts";
import { showMoney } from "./show-money.ts";
import { showFacts } from "./show-table.ts";
import { showStatus } from "./words.ts";

/** A plan for people: what would happen, line by line, and the digest under which to ask for just that. */
export function showPlan(out: Output, plan: Plan): string {
  const head = `${plan.kind} ${ruleOf(plan.kind).button.ja} of contract ${plan.contractId}`;
  const lines = plan.rejection === null ? linesOf(plan) : refusalOf(plan.rejection);
  const verdict =
    plan.rejection === null ? paint(out, "green", "would be carried out") : paint(out, "red", "would be rejected");
  return `${plainText(head)} ${verdict}\n${showFacts(out, [...warningOf(plan), ...lines, ["digest", plan.digest]])}`;
}

type Fact = readonly [string, string];

function refusalOf({ code, sentence }: NonNullable<Plan["rejection"]>): readonly Fact[] {
  return [
    ["code", code],
    ["ja", plainText(sentence.ja)],
    ["en", plainText(sentence.en)],
  ];
}

function warningOf({ warning }: Plan): readonly Fact[] {
  if (warning === null) return [];
  return [
    ["注意", warning.ja],
    ["warning", warning.en],
  ];
}

function linesOf(plan: Plan): readonly Fact[] {
  const { status, reservation, subscriptionId } = plan;
  const money = (amountMinor: number) => showMoney(amountMinor, plan.currency);
  return [
    ["status", change(named(status.before), plan.deleted === null ? named(status.after) : "deleted 削除")],
    ["reservation", change(reserved(reservation.before), reserved(reservation.after))],
    ...(subscriptionId.before === subscriptionId.after
      ? []
      : [["billed by", change(subscriptionId.before ?? "–", subscriptionId.after ?? "–")] as const]),
    ...each("at Stripe", plan.calls, ({ verb, ...about }) => `${verb} (${detailOf(about)})`),
    ...each("payment", plan.payments, ({ id, amountMinor, from, to }) =>
      from === null ? `${id} ${money(amountMinor)}: ${to}` : `${id} ${money(amountMinor)}: ${from} → ${to}`,
    ),
    ...each("refund", plan.refunds, ({ paymentId, amountMinor, by, to }) =>
      by === "stripe"
        ? `${money(amountMinor)} of ${paymentId}, through Stripe: ${to}`
        : `${money(amountMinor)} of ${paymentId}, by hand: ${to}`,
    ),
    ...each("license", plan.licenses, ({ paymentId, change: becomes, because }) =>
      because === null ? `${paymentId}: ${becomes}` : `${paymentId}: ${becomes} (${because})`,
    ),
    ...each(
      "deleted",
      [...(plan.deleted ?? []), ...plan.latePayments],
      ({ paymentId, amountMinor, result }) => `${paymentId} ${money(amountMinor)}: ${result}`,
    ),
    ...each("dispute", plan.disputes, ({ paymentId, dispute }) => `${paymentId}: ${dispute}`),
    ...each("mail", plan.mails, ({ kind, recipient }) => `${kind} to ${recipient}`),
    ...each("attention", plan.attention, ({ code, detail }) => `${code} (${detailOf(detail)})`),
  ];
}

function each<T>(name: string, items: readonly T[], show: (item: T) => string): readonly Fact[] {
  return items.map((item) => [name, plainText(show(item), 300)]);
}

function change(before: string, after: string): string {
  return before === after ? `${before}, stays` : `${before} → ${after}`;
}

function named(status: string | null): string {
  return status === null ? "–" : showStatus(status);
}

function reserved(reservation: PlannedReservation | null): string {
  return reservation === null ? "none" : `${reservation.terminationOn}, by ${reservation.terminationSource}`;
}

function detailOf(about: object): string {
  return Object.entries(about)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(", ");
}

/** The new plan in a refusal's detail, as the ledger keeps it; undefined where there is none that this version can show. */
export function planIn(detail: Readonly<Record<string, unknown>> | null): Plan | undefined {
  const plan = detail?.plan;
  const isPlan = typeof plan === "object" && plan !== null && "digest" in plan && "kind" in plan && "calls" in plan;
  return isPlan ? (plan as Plan) : undefined;
}
