import { type BusinessDate, nextRenewalAfter } from "../contract/calendar.ts";
import { finalStatuses, isOneOf } from "../contract/contract.ts";
import { viewablePayments } from "../contract/viewing.ts";
import type { ContractHistory } from "../store/read-contract-history.ts";
import { inUtc } from "./in-utc.ts";
import { type OperationJson, operationView } from "./operation-view.ts";

type Contract = ContractHistory["contract"];

/** A contract as programs are shown it, its instants in UTC. */
export interface ContractJson extends Omit<ContractHistory, "contract" | "customer" | "licenses" | "operations"> {
  readonly contract: Contract & {
    /** The next renewal date by the calendar; null when it never renews, or ends before. */
    readonly nextRenewalOn: BusinessDate | null;
    /** Whether the customer may view anything now. */
    readonly mayView: boolean;
  };
  readonly licenses: readonly (ContractHistory["licenses"][number] & {
    /** Whether what it stands for may be viewed now. */
    readonly mayView: boolean;
  })[];
  readonly operations: readonly OperationJson[];
}

/** The operations of a busy contract over twenty years; how many there are in all is counted. */
export const operationsShownMax = 500;

/** Everything about a contract but its customer's name and mail. */
export function contractView(history: ContractHistory, today: BusinessDate): ContractJson {
  const { contract, product, signup, payments, refunds, licenses, operations, operationsTotal } = history;
  const viewable = viewablePayments(history);
  return {
    contract: {
      ...inUtc(contract),
      nextRenewalOn: nextRenewalOf(contract, today),
      mayView: viewable.length > 0,
    },
    product: inUtc(product),
    signup: signup === null ? null : inUtc(signup),
    payments: payments.map(inUtc),
    refunds: refunds.map(inUtc),
    licenses: licenses.map((license) => ({ ...inUtc(license), mayView: viewable.includes(license.paymentId) })),
    operations: operations.map(operationView),
    operationsTotal,
  };
}

/**
 * The next renewal date by the calendar; null for a contract that never renews, or ends before it would. For a contract
 * paid by card Stripe's own boundary may differ by a day near a month's end.
 */
export function nextRenewalOf(contract: Contract, today: BusinessDate): BusinessDate | null {
  if (contract.kind !== "monthly" || isOneOf(contract.status, finalStatuses)) return null;
  const next = nextRenewalAfter(contract.startOn, today);
  return contract.terminationOn !== null && next >= contract.terminationOn ? null : next;
}
