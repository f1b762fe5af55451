import type { Change } from "../core/change.ts";
import { followClockOf } from "../core/clock.ts";
import type { StoredInvoice } from "../core/stored.ts";
import { DRAFT_SECONDS } from "../objects/invoice.ts";

/** A draft about which an endpoint has not answered becomes final after so long all the same. */
const UNANSWERED_SECONDS = 72 * 60 * 60;

/** The event whose answers a draft waits for. */
export const AWAITED_EVENT = "invoice.created";

/** When time makes a draft final that advances by itself: its hour counts from the answer of the webhook endpoints. */
export function finalAt({ automatically_finalizes_at: at, created, webhooks_delivered_at: answeredAt }: StoredInvoice) {
  return at === null || answeredAt !== null ? at : Math.max(at, created + UNANSWERED_SECONDS);
}

/**
 * Every endpoint has answered `invoice.created`, or has been given up: then the draft waits for no hour more than it had.
 *
 * The endpoints are asked in real time. An answer to what was made while a clock leaps forward counts from the draft's own
 * beginning, since the clock itself has not arrived yet.
 */
export function hearAnswers(change: Change, id: string, isGivenUp: boolean): void {
  const draft = change.objects.invoice.get(id);
  if (draft === undefined || draft.webhooks_delivered_at !== null) return;
  followClockOf(change, draft.customer);
  const at = Math.max(change.now, draft.created);
  change.put({ ...draft, webhooks_delivered_at: at, ...(isGivenUp ? finalFrom(draft, at) : hourFrom(draft, at)) });
}

type Moments = Partial<Pick<StoredInvoice, "automatically_finalizes_at" | "next_payment_attempt">>;

function hourFrom(draft: StoredInvoice, at: number): Moments {
  if (draft.automatically_finalizes_at === null) return {};
  return { automatically_finalizes_at: at + DRAFT_SECONDS + 1, next_payment_attempt: at + DRAFT_SECONDS };
}

function finalFrom({ automatically_finalizes_at: before }: StoredInvoice, at: number): Moments {
  return before === null ? {} : { automatically_finalizes_at: Math.max(before, at) };
}
