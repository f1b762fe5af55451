import { Temporal } from "temporal-polyfill";
import type { Clock } from "../clock.ts";
import type { Instant } from "../contract/calendar.ts";
import type { Database } from "../store/database.ts";
import { noteListed, readListedUntil } from "../store/event-backfills.ts";
import { isAboutContent } from "../store/store-error.ts";
import { takeInEvents } from "../store/take-in-events.ts";
import { type NoEvent, readEvent, type StripeEvent } from "../stripe/events.ts";
import type { Fault } from "../stripe/fault.ts";
import type { GatewayReply } from "../stripe/gateway.ts";
import type { EventsPage, EventsWanted, StripeConnection } from "../stripe/stripe-gateway.ts";

/** How long Stripe keeps events: what is older is not listed, to nobody (docs.stripe.com/api/events). */
export const eventsKeptDays = 30;

/**
 * How far each reading goes back behind the last one. `created` is in seconds, clocks are not quite alike, and an event may
 * be listed some time after it was made. With a reading every five minutes, every event is looked for by at least two.
 */
const overlapMinutes = 10;

/**
 * How far the first reading of all goes back: to what happened while keiyaku was being set up. What is older happened
 * under whoever did the work before; taken in by itself it would mail customers about it. `--since` takes it in.
 */
const firstHours = 1;

/** Waits before a page is read again: a reading repeats nothing, and what is met once a second is past after some. */
const pageAgainMs = [1_000, 5_000, 15_000] as const;

/** What an event must be of to be taken in. */
export interface EventOrigin {
  readonly livemode: boolean;
  /** The connected account, in whose name the list is asked for; null for the account of the key itself. */
  readonly account: string | null;
}

export interface BackfillDeps {
  readonly db: Database;
  readonly connection: Pick<StripeConnection, "listEvents">;
  readonly clock: Pick<Clock, "now" | "sleep">;
  readonly origin: EventOrigin;
  /** Told of each event that cannot be read: its id, or null where even that is none. */
  readonly onUnreadable: (eventId: string | null, why: NoEvent) => void;
  /** Told of each event that is not ours, although Stripe lists it to us. */
  readonly onForeign?: (event: StripeEvent) => void;
  /** Told of each event that had not arrived, once it is in the inbox. */
  readonly onTakenIn?: (event: StripeEvent) => void;
  /** Aborted to end between two pages. */
  readonly stopping: AbortSignal;
}

/** What was found of the events that Stripe listed. */
export interface EventsFound {
  /** In the inbox before. */
  known: number;
  /** They had not arrived; now they are in the inbox. */
  missing: number;
  unreadable: number;
  /** Of another mode or account. */
  foreign: number;
}

/**
 * What came of a back-fill. `failed` leaves what it has found in the inbox, and how far the list counts as read where it was:
 * the next one reads the rest.
 */
export type BackfillReport = {
  /** From which moment on events were asked for. */
  readonly since: Instant;
  /** From when to when nobody can list any more what never arrived: the last back-fill is too long ago. Otherwise null. */
  readonly lost: { readonly from: Instant; readonly until: Instant } | null;
  readonly found: Readonly<EventsFound>;
} & ({ readonly type: "finished"; readonly listedUntil: Instant } | { readonly type: "failed"; readonly fault: Fault });

/**
 * Lists what Stripe has reported since the last back-fill, or since an earlier moment, and takes in what never arrived. Page
 * by page, so that a long list takes no more memory than a short one.
 *
 * How far the list was read moves only after its last page, and then to the moment at which the first was asked for, by
 * Stripe's clock or ours, whichever is behind. So one that dies in between loses nothing; the next begins where it began. What was taken in
 * is not taken in twice, and two at once are harmless.
 *
 * Throws what the database does, and an `AbortError` when it is to stop.
 */
export async function backfillEvents(
  deps: BackfillDeps,
  wanted?: { readonly since: Instant },
): Promise<BackfillReport> {
  const { db, clock, stopping } = deps;
  const began = Temporal.Instant.from(clock.now());
  const last = Temporal.Instant.from(await readListedUntil(db, began.subtract({ hours: firstHours }).toString()));
  const next = last.subtract({ minutes: overlapMinutes });
  // One that began later than where the last ended would leave a hole behind it.
  const since = wanted === undefined ? next : earlier(next, Temporal.Instant.from(wanted.since));
  const keptSince = began.subtract({ hours: eventsKeptDays * 24 });
  const isLost = Temporal.Instant.compare(last, keptSince) < 0;
  const found: EventsFound = { known: 0, missing: 0, unreadable: 0, foreign: 0 };
  const report = {
    since: since.toString(),
    lost: isLost ? { from: last.toString(), until: keptSince.toString() } : null,
    found,
  };
  let listedUntil = began;
  let after: string | null = null;
  do {
    stopping.throwIfAborted();
    const reply: GatewayReply<EventsPage> = await readPage(deps, { since: report.since, after });
    if (reply.type !== "done") return { type: "failed", fault: reply, ...report };
    const { events, nextAfter, toldAt } = reply.value;
    if (after === null && toldAt !== null) listedUntil = earlier(began, Temporal.Instant.from(toldAt));
    await takeInPage(deps, events, found);
    after = nextAfter;
  } while (after !== null);
  await noteListed(db, { listedUntil: listedUntil.toString(), missed: found.missing });
  return { type: "finished", listedUntil: listedUntil.toString(), ...report };
}

function earlier(one: Temporal.Instant, other: Temporal.Instant): Temporal.Instant {
  return Temporal.Instant.compare(one, other) < 0 ? one : other;
}

/** Reads a page, and again if what kept it from being read passes soon: a long list is not begun anew for one page. */
async function readPage(
  { connection, clock, stopping }: BackfillDeps,
  wanted: EventsWanted,
): Promise<GatewayReply<EventsPage>> {
  for (const delayMs of pageAgainMs) {
    const reply = await connection.listEvents(wanted);
    const passes =
      reply.type === "unknown" ||
      (reply.type === "not_now" && (reply.reason === "rate_limited" || reply.reason === "lock_timeout"));
    if (!passes) return reply;
    await clock.sleep(delayMs * (0.75 + Math.random() / 2), stopping);
  }
  return connection.listEvents(wanted);
}

/** Takes in the events of a page that can be read and are ours, and counts all of them. */
async function takeInPage(deps: BackfillDeps, listed: readonly object[], found: EventsFound): Promise<void> {
  const tellUnreadable = (listedEvent: object, why: NoEvent) => {
    found.unreadable += 1;
    deps.onUnreadable(idOf(listedEvent), why);
  };
  const ours: StripeEvent[] = [];
  for (const each of listed) {
    const read = readEvent(each);
    if (read.type === "no_event") tellUnreadable(each, read);
    else if (isOf(read.event, deps.origin)) ours.push(read.event);
    else {
      found.foreign += 1;
      deps.onForeign?.(read.event);
    }
  }
  const takeIn = async (events: readonly StripeEvent[]) => {
    const taken = new Set(await takeInEvents(deps.db, events, "backfill"));
    found.missing += taken.size;
    found.known += events.length - taken.size;
    for (const event of events) if (taken.has(event.id)) deps.onTakenIn?.(event);
  };
  try {
    await takeIn(ours);
  } catch (error) {
    if (!isAboutContent(error)) throw error;
    // One of them is something that the database never takes: the others are taken in without it.
    for (const event of ours) {
      await takeIn([event]).catch((refused: unknown) => {
        if (!isAboutContent(refused)) throw refused;
        tellUnreadable(event, { type: "no_event", field: "event", problem: `cannot be stored (${refused.code})` });
      });
    }
  }
}

/**
 * Whether an event is ours. Stripe promises the `account` of an event to whom it is *sent* as a platform's, and says nothing of
 * one that is listed (docs.stripe.com/api/events/object); the list is the account's in whose name it was asked for. So an event
 * without an account is ours, and one that names another is not.
 */
function isOf(event: StripeEvent, { livemode, account }: EventOrigin): boolean {
  return event.livemode === livemode && (event.account === null || event.account === account);
}

/** Stripe's id of an event, if it has one: nothing else of what cannot be read is fit for a log. */
function idOf(listed: object): string | null {
  return "id" in listed && typeof listed.id === "string" && /^evt_\w{1,200}$/.test(listed.id) ? listed.id : null;
}
