import type { LedgerEntry } from "../../stripe/core/ledger.ts";

/** A refund as Stripe's ledger ends with it. */
export interface StripeRefund {
  readonly id: string;
  readonly paymentIntentId: string;
  readonly amountMinor: number;
  readonly status: string;
  /** Our refund row, if the refund's metadata names one. */
  readonly refundId: string | null;
  readonly operationId: string | null;
}

export interface StripeCharge {
  readonly paymentIntentId: string;
  readonly amountMinor: number;
  readonly isDisputed: boolean;
}

export interface StripeSubscription {
  readonly id: string;
  readonly status: string;
  readonly endsAtPeriodEnd: boolean;
  /** Whether a request ended it; false for one that had ended before the demo began, and for one that runs. */
  readonly endedByRequest: boolean;
}

export interface StripeInvoice {
  readonly id: string;
  readonly subscriptionId: string;
  readonly status: string;
  /** Whether a request voided it, or told Stripe to leave it a draft. */
  readonly closedByRequest: boolean;
}

/** What the stand-in says has taken place there. */
export interface StripeSide {
  readonly charges: readonly StripeCharge[];
  readonly refunds: readonly StripeRefund[];
  readonly subscriptions: readonly StripeSubscription[];
  readonly invoices: readonly StripeInvoice[];
  /** Effects of requests, in other words of the worker's calls. What was there before the demo is none. */
  readonly effectCount: number;
}

/** Reads the stand-in's ledger and its list of subscriptions over HTTP. */
export async function readStripeSide(standIn: {
  readonly url: string;
  readonly secretKey: string;
}): Promise<StripeSide> {
  const { result: ledger } = await get<{ result: readonly LedgerEntry[] }>(`${standIn.url}/_control/ledger`);
  const reserved = new Set<string>();
  for (let after = ""; ; ) {
    const page = await get<ListPage>(`${standIn.url}/v1/subscriptions?status=all&limit=100${after}`, standIn.secretKey);
    for (const each of page.data) if (each.cancel_at !== null) reserved.add(each.id);
    const last = page.data.at(-1);
    if (!page.has_more || last === undefined) break;
    after = `&starting_after=${last.id}`;
  }
  return sideOf(ledger, reserved);
}

interface ListPage {
  readonly data: readonly { readonly id: string; readonly cancel_at: number | null }[];
  readonly has_more: boolean;
}

async function get<T>(url: string, secretKey?: string): Promise<T> {
  const headers = secretKey === undefined ? {} : { authorization: `Bearer ${secretKey}` };
  const reply = await fetch(url, { headers, signal: AbortSignal.timeout(15_000) });
  if (!reply.ok) throw new Error(`The stand-in answered ${reply.status} to ${new URL(url).pathname}`);
  return (await reply.json()) as T;
}

/** Tells from the ledger how everything stands: the last entry of an object is its present. */
export function sideOf(ledger: readonly LedgerEntry[], reservedSubscriptions: ReadonlySet<string>): StripeSide {
  const last = (object: LedgerEntry["object"]) => [
    ...new Map(ledger.filter((entry) => entry.object === object).map((entry) => [entry.objectId, entry])).values(),
  ];
  const byRequest = new Set(ledger.filter(({ requestId }) => requestId !== null));
  const requested = (effect: LedgerEntry["effect"]) =>
    new Set([...byRequest].filter((entry) => entry.effect === effect).map(({ objectId }) => objectId));
  const disputed = new Set(ledger.flatMap(({ object, charge }) => (object === "dispute" && charge ? [charge] : [])));
  const ended = requested("subscription.canceled");
  const voided = requested("invoice.voided");
  const updated = requested("invoice.updated");
  return {
    charges: last("charge")
      .filter(({ status }) => status === "succeeded")
      .map((entry) => ({
        paymentIntentId: entry.paymentIntent ?? "",
        amountMinor: entry.amount ?? 0,
        isDisputed: disputed.has(entry.objectId),
      })),
    refunds: last("refund").map((entry) => ({
      id: entry.objectId,
      paymentIntentId: entry.paymentIntent ?? "",
      amountMinor: entry.amount ?? 0,
      status: entry.status ?? "",
      refundId: entry.metadata.keiyaku_refund ?? null,
      operationId: entry.metadata.keiyaku_operation ?? null,
    })),
    subscriptions: last("subscription").map(({ objectId, status = "" }) => ({
      id: objectId,
      status,
      endsAtPeriodEnd: reservedSubscriptions.has(objectId),
      endedByRequest: ended.has(objectId),
    })),
    invoices: last("invoice").flatMap(({ objectId, subscription, status = "" }) =>
      subscription === undefined
        ? []
        : [
            {
              id: objectId,
              subscriptionId: subscription,
              status,
              closedByRequest: voided.has(objectId) || (status === "draft" && updated.has(objectId)),
            },
          ],
    ),
    effectCount: byRequest.size,
  };
}
