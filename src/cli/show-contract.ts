import { type BusinessDate, periodAt } from "../contract/calendar.ts";
import { ruleOf, rules } from "../contract/operations/index.ts";
import { viewablePayments } from "../contract/viewing.ts";
import type { OperationSummary } from "../store/operation-summary.ts";
import type { ContractHistory } from "../store/read-contract-history.ts";
import { nextRenewalOf } from "../views/contract-view.ts";
import { type Output, paint, plainText, writeLine } from "./output.ts";
import { showMoney } from "./show-money.ts";
import { showOutcome } from "./show-outcome.ts";
import { showFacts, showTable } from "./show-table.ts";
import { showInstant } from "./show-time.ts";
import { contractKindNamesJa, paymentMethodNamesJa, showStatus } from "./words.ts";

type Contract = ContractHistory["contract"];

interface Shown {
  readonly zone: string;
  readonly today: BusinessDate;
}

/** Writes a contract for people: facts first, then its money, licenses and history as tables. */
export function showContract(out: Output, history: ContractHistory, shown: Shown): void {
  const title = (text: string) => {
    writeLine(out);
    writeLine(out, paint(out, "bold", text));
  };
  out.write(showFacts(out, [...factsOf(history, shown), ...termsOf(history.contract)]));
  title("Payments");
  out.write(showPayments(out, history, shown));
  title("Refunds");
  out.write(showRefunds(out, history, shown));
  title("Licenses");
  out.write(showLicenses(out, history, shown));
  title("History");
  out.write(showHistory(out, history.operations, shown));
}

type Fact = readonly [string, string];

function factsOf({ contract, product, customer, signup }: ContractHistory, { zone, today }: Shown): readonly Fact[] {
  const at = (instant: string | null) => showInstant(instant, zone);
  const { terminationOn, terminationSource } = contract;
  return [
    ["contract", contract.id],
    ["status", showStatus(contract.status)],
    ["start date", contract.startOn],
    ["next renewal", nextRenewalOf(contract, today) ?? "–"],
    ["termination", terminationOn === null ? "–" : `${terminationOn}, reserved by ${terminationSource}`],
    ["ended", at(contract.endedAt)],
    ["product", `${contract.productId} (${product.access})`],
    ["customer", contract.customerId],
    ...(customer === null
      ? []
      : [["", plainText(`${customer.name} <${customer.email}>, mail in ${customer.locale}`)] as const]),
    ...(signup === null ? [] : [["applied", `${at(signup.appliedAt)}, through ${plainText(signup.channel)}`] as const]),
    ["registered", at(contract.createdAt)],
    ["last change", `${at(contract.updatedAt)}, by operation ${contract.changedByOperationId}`],
  ];
}

function termsOf(contract: Contract): readonly Fact[] {
  const { kind, paymentMethod, currency, specialPriceMinor, specialMonths } = contract;
  const price = `${showMoney(contract.priceMinor, currency)}${kind === "monthly" ? " a month" : ""}`;
  const special =
    specialPriceMinor === null
      ? ""
      : `, ${showMoney(specialPriceMinor, currency)} for the first ${specialMonths} months`;
  const fee = contract.initialFeeMinor === 0 ? "" : `, initial fee ${showMoney(contract.initialFeeMinor, currency)}`;
  const stripeIds = [contract.stripeCustomerId, contract.stripeSubscriptionId, contract.stripePaymentIntentId];
  return [
    ["kind", `${kind} ${contractKindNamesJa[kind]}, by ${contract.origin}`],
    ["payment", `${paymentMethod} ${paymentMethodNamesJa[paymentMethod]}`],
    ["price", `${price}${special}${fee}`],
    ["at Stripe", stripeIds.filter((id) => id !== null).join(", ") || "–"],
  ];
}

function showPayments(out: Output, { contract, payments }: ContractHistory, { zone }: Shown): string {
  const rows = payments.map((payment) => [
    payment.id,
    payment.period === null ? payment.subject : showPeriod(contract.startOn, payment.period),
    showMoney(payment.amountMinor, contract.currency),
    payment.dispute === null ? payment.state : `${payment.state}, dispute ${payment.dispute}`,
    showInstant(payment.paidAt, zone),
    [payment.stripeInvoiceId, payment.stripePaymentIntentId].filter((id) => id !== null).join(" ") || "–",
  ]);
  return showTable(out, ["payment", "for", { head: "amount", align: "right" }, "state", "paid", "at Stripe"], rows);
}

function showPeriod(startOn: BusinessDate, index: number): string {
  const { startsOn, endsOn } = periodAt(startOn, index);
  return `period ${index}, ${startsOn} until ${endsOn}`;
}

function showRefunds(out: Output, { contract, refunds }: ContractHistory, { zone }: Shown): string {
  const rows = refunds.map((refund) => [
    refund.id,
    showMoney(refund.amountMinor, contract.currency),
    refund.refusalCode === null ? refund.state : `${refund.state}, refused: ${refund.refusalCode}`,
    showInstant(refund.createdAt, zone),
    showInstant(refund.settledAt, zone),
    refund.operationId,
    refund.stripeRefundId ?? "–",
  ]);
  const columns = ["refund", { head: "amount", align: "right" }, "state", "owed since", "settled", "by", "at Stripe"];
  return showTable(out, columns as Parameters<typeof showTable>[1], rows);
}

function showLicenses(out: Output, history: ContractHistory, { zone }: Shown): string {
  const viewable = viewablePayments(history);
  const rows = history.licenses.map((license) => [
    license.paymentId,
    license.revokedBecause === null ? "open" : `revoked: ${license.revokedBecause}`,
    viewable.includes(license.paymentId) ? "yes" : "no",
    showInstant(license.grantedAt, zone),
    showInstant(license.revokedAt, zone),
  ]);
  return showTable(out, ["for payment", "state", "may be viewed", "granted", "revoked"], rows);
}

function showHistory(out: Output, operations: readonly OperationSummary[], { zone }: Shown): string {
  const rows = operations.map((operation) => [
    showInstant(operation.acceptedAt, zone),
    showKind(operation.kind),
    plainText(`${operation.actorType}:${operation.actorId}`, 40),
    operation.state,
    plainText(showOutcome(operation, zone), 80),
    operation.reason === null ? "–" : plainText(operation.reason, 60),
    operation.id,
  ]);
  return showTable(out, ["accepted", "what", "by", "state", "outcome", "reason", "operation"], rows);
}

/** A kind with what the operators' page calls it. A newer version's ledger may hold a kind that has no rule here. */
function showKind(kind: OperationSummary["kind"]): string {
  return kind in rules ? `${kind} ${ruleOf(kind).button.ja}` : kind;
}
