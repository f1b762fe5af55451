import { newPeriodPayment, paymentOfPeriod } from "./billing.ts";
import type { ContractWorld } from "./contract.ts";
import { isPeriodSettled, type Missing, missPeriod, nothingMissing } from "./missing-payments.ts";
import { itemsOf, type ReceivedItem } from "./receipts.ts";
import { isFinal, isRunning, type RuleFacts } from "./rule.ts";
import type { InvoiceSeen } from "./step.ts";

type BillFacts = Pick<RuleFacts<unknown>, "world" | "zone">;

/** A period of the contract that an invoice has asked for and that nothing has paid. */
export interface OwedBill {
  readonly invoiceId: string;
  readonly period: number;
  readonly amountMinor: number;
  /** Whether Stripe has ceased to ask for it: it was voided, or is written off as uncollectible. */
  readonly isGivenUp: boolean;
}

/** What the missing payment of an invoice changes, and whether the contract is suspended for it. */
export interface MissingBill extends Missing {
  readonly suspends: boolean;
}

/** What of the contract the invoice bills: its periods, or the initial fee, by the present subscription. */
export function billsOf({ world, zone }: BillFacts, invoice: InvoiceSeen): readonly ReceivedItem[] {
  const { stripeSubscriptionId } = world.contract;
  const isOurs = invoice.type === "found" && invoice.subscriptionId === stripeSubscriptionId;
  return isOurs && stripeSubscriptionId !== null ? itemsOf(world, invoice, zone) : [];
}

/** The period that an invoice leaves unpaid: asked for still, or given up; undefined when there is none. */
export function owedBill(facts: BillFacts, invoice: InvoiceSeen): OwedBill | undefined {
  if (invoice.type === "missing") return undefined;
  const { id: invoiceId, stripeInvoiceStatus } = invoice;
  const isGivenUp = stripeInvoiceStatus === "void" || stripeInvoiceStatus === "uncollectible";
  if (!isGivenUp && stripeInvoiceStatus !== "open") return undefined;
  return billsOf(facts, invoice).flatMap(({ period, amountMinor }) =>
    period === null || isPeriodSettled(facts.world, period) ? [] : [{ invoiceId, period, amountMinor, isGivenUp }],
  )[0];
}

/**
 * What follows from a period's missing payment: the period is unpaid, and a contract that runs or has not started is
 * suspended, unless a later period has been paid since. For one that is terminated the period was never charged, as it would
 * have been if this had been known before the end. One that still waits for its first payment owes nothing else yet.
 */
export function missBill(world: ContractWorld, bill: OwedBill): MissingBill {
  const { contract, payments } = world;
  const { period, invoiceId, amountMinor, isGivenUp } = bill;
  const nothing = { ...nothingMissing, suspends: false };
  if (isFinal(contract)) {
    const isNews = contract.status === "terminated" && isGivenUp && paymentOfPeriod(world, period) === undefined;
    const row = { ...newPeriodPayment(contract, period, { state: "never_charged" }), amountMinor };
    return isNews ? { ...nothing, newPayments: [{ ...row, stripeInvoiceId: invoiceId }] } : nothing;
  }
  if (contract.status === "awaiting_payment") return nothing;
  const isOlder = payments.some((row) => row.period !== null && row.period > period && row.state === "paid");
  const suspends = (isRunning(contract) || contract.status === "not_started") && !isOlder;
  return { ...missPeriod(world, period, { invoiceId, amountMinor }), suspends };
}
