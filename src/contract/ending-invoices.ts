import type { Attention } from "./change.ts";
import type { ContractWorld } from "./contract.ts";
import type { Answers, CallAnswer, CallStep, InvoiceSeen, Step, UnpaidInvoicesSeen } from "./step.ts";
import { subscriptionsOf } from "./subscription.ts";

/** An invoice that was to be ended, as Stripe has it now. */
export interface EndedInvoice {
  readonly id: string;
  readonly invoice: InvoiceSeen;
  /** Whether nobody can pay it any more: it is void, or a draft that stays one. */
  readonly isOver: boolean;
  /** Whether Stripe may still collect it. One that it has given up as uncollectible, it does not. */
  readonly isCollected: boolean;
}

/** Either the next look or call, or what has become of every invoice that could be paid. */
export type EndingInvoices =
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "ended"; readonly invoices: readonly EndedInvoice[] };

type EndingOne =
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "ended"; readonly invoice: EndedInvoice };

/**
 * Ends whatever can still be paid of a contract: voids the open invoices of its subscriptions, former ones too, and stops the
 * drafts; one that has become final since it was listed is voided as well. Invoices that unpaid rows name and that no list
 * had are read, and ended likewise. What Stripe will not end, as one that was paid in between, is read for what it is.
 *
 * The subscriptions have to be over before: voiding first could make Stripe run one again.
 */
export function endInvoices(
  { contract, payments }: Pick<ContractWorld, "contract" | "payments">,
  answers: Answers,
): EndingInvoices {
  const invoices: EndedInvoice[] = [];
  for (const subscriptionId of subscriptionsOf(contract)) {
    const name = nameFor("unpaid_invoices", subscriptionId, contract);
    const listed = answers.get(name) as UnpaidInvoicesSeen | undefined;
    if (listed === undefined) return look(name, { verb: "list_unpaid_invoices", subscriptionId });
    for (const { id, stripeInvoiceStatus } of listed.invoices) {
      const ending = endInvoice(id, stripeInvoiceStatus, `invoice:${id}`, answers);
      if (ending.type === "step") return ending;
      invoices.push(ending.invoice);
    }
  }
  const named = payments.flatMap(({ state, stripeInvoiceId }) => (state === "unpaid" ? (stripeInvoiceId ?? []) : []));
  for (const id of new Set(named)) {
    if (invoices.some((ended) => ended.id === id)) continue;
    const invoice = answers.get(`invoice:${id}`) as InvoiceSeen | undefined;
    if (invoice === undefined) return look(`invoice:${id}`, { verb: "read_invoice", invoiceId: id });
    const status = invoice.type === "found" ? invoice.stripeInvoiceStatus : null;
    if (status !== "draft" && status !== "open") {
      invoices.push(asEnded(id, invoice));
      continue;
    }
    const ending = endInvoice(id, status, `invoice_again:${id}`, answers);
    if (ending.type === "step") return ending;
    invoices.push(ending.invoice);
  }
  return { type: "ended", invoices };
}

/** The name of a look at one subscription of the contract: the present one needs no other. */
export function nameFor(
  what: string,
  subscriptionId: string,
  { stripeSubscriptionId }: ContractWorld["contract"],
): string {
  return subscriptionId === stripeSubscriptionId ? what : `${what}:${subscriptionId}`;
}

/** What is told of an invoice that somebody can pay although it was to be ended. */
export function remarkOnRest({ id: invoiceId, invoice, isOver }: EndedInvoice): readonly Attention[] {
  if (isOver || invoice.type === "missing" || invoice.stripeInvoiceStatus === "paid") return [];
  return [{ code: "invoice_not_voided", detail: { invoiceId, stripeInvoiceStatus: invoice.stripeInvoiceStatus } }];
}

function endInvoice(id: string, listedAs: "draft" | "open", readName: string, answers: Answers): EndingOne {
  const answerTo = (name: string) => answers.get(name) as CallAnswer<InvoiceSeen> | undefined;
  const ended = (invoice: InvoiceSeen): EndingOne => ({ type: "ended", invoice: asEnded(id, invoice) });
  if (listedAs === "draft") {
    const stopping = answerTo(`stop:${id}`);
    if (stopping === undefined) return call(`stop:${id}`, { verb: "stop_invoice", invoiceId: id });
    const isFinal = stopping.type === "refused" || isAs(stopping.value, "open");
    if (!isFinal) return ended(stopping.value);
  }
  const voiding = answerTo(`void:${id}`);
  if (voiding === undefined) return call(`void:${id}`, { verb: "void_invoice", invoiceId: id });
  if (voiding.type === "done") return ended(voiding.value);
  const seen = answers.get(readName) as InvoiceSeen | undefined;
  return seen === undefined ? look(readName, { verb: "read_invoice", invoiceId: id }) : ended(seen);
}

function asEnded(id: string, invoice: InvoiceSeen): EndedInvoice {
  const isStopped = invoice.type === "found" && isAs(invoice, "draft") && !invoice.autoAdvance;
  const isOver = isAs(invoice, "void") || isStopped;
  return { id, invoice, isOver, isCollected: !isOver && (isAs(invoice, "draft") || isAs(invoice, "open")) };
}

function isAs(invoice: InvoiceSeen, stripeInvoiceStatus: string): boolean {
  return invoice.type === "found" && invoice.stripeInvoiceStatus === stripeInvoiceStatus;
}

type LookStep = Extract<Step, { readonly type: "look" }>;

function look(name: string, wanted: LookStep["look"]): { readonly type: "step"; readonly step: LookStep } {
  return { type: "step", step: { type: "look", name, look: wanted } };
}

function call(name: string, wanted: CallStep["call"]): { readonly type: "step"; readonly step: CallStep } {
  return { type: "step", step: { type: "call", name, call: wanted } };
}
