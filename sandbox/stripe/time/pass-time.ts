import { AWAITED_EVENT } from "../billing/draft-answers.ts";
import type { CommittedChange } from "../core/change.ts";
import { clockOfCustomer, customerOf } from "../core/clock.ts";
import type { Core } from "../core/core.ts";
import type { State } from "../core/state.ts";
import type { ObjectKind, StoredInvoice, StoredObjects, StoredRefund, StoredSubscription } from "../core/stored.ts";
import { Agenda } from "./agenda.ts";
import { dueOf, type Surroundings } from "./due.ts";

type Timed = StoredSubscription | StoredInvoice | StoredRefund;

const BY_ITSELF = { requestId: null } as const;

/**
 * Lets time pass on one clock: everything that falls due happens in order, each thing as a change of its own, dated with its
 * own moment. Moves no clock. What was due before `from` happens at `from`.
 *
 * Waits only for webhook endpoints, and only where Stripe does: after a draft, until each endpoint that wants to know of it
 * has been asked once.
 *
 * @param clock a test clock, or null for the stand-in's own
 * @returns how many things happened, without those that were only announced
 */
export async function passTime(
  { state, webhooks }: Pick<Core, "state" | "webhooks">,
  clock: string | null,
  from: number,
  to: number,
): Promise<number> {
  const { objects, world } = state;
  const around: Surroundings = { objects, world, from, now: from };
  const agenda = new Agenda();
  const enter = (object: Timed) => {
    const due = clockOfCustomer(state, customerOf(state, object)) === clock ? dueOf(around, object) : null;
    if (due !== null) agenda.add(due.at, object.id);
  };
  for (const kind of ["subscription", "invoice", "refund"] as const) {
    for (const object of objects[kind].oldestFirst()) enter(object);
  }
  const endObserving = state.observe((committed) => {
    for (const changed of committed.objects) if (isTimed(changed)) enter(changed);
  });
  try {
    let happened = 0;
    for (let entry = agenda.takeUntil(to); entry !== undefined; entry = agenda.takeUntil(to)) {
      const object = timedObject(state, entry.id);
      const due = object === undefined ? null : dueOf(around, object);
      // Something earlier may have changed the object since it was entered.
      if (object === undefined || due === null || due.at !== entry.at) continue;
      around.now = Math.max(around.now, due.at);
      const { committed } = state.commit(BY_ITSELF, (change) => {
        change.moveTo(around.now);
        due.happen(change);
      });
      if (committed.objects.some(({ id }) => id === object.id)) happened += 1;
      // What was only announced has changed nothing, and goes on waiting.
      else enter(object);
      if (isAwaited(committed)) await webhooks.asking(AWAITED_EVENT);
    }
    return happened;
  } finally {
    endObserving();
  }
}

function timedObject({ objects }: State, id: string): Timed | undefined {
  return objects.subscription.get(id) ?? objects.invoice.get(id) ?? objects.refund.get(id);
}

function isTimed(object: StoredObjects[ObjectKind]): object is Timed {
  return object.object === "subscription" || object.object === "invoice" || object.object === "refund";
}

function isAwaited({ objects }: CommittedChange): boolean {
  return objects.some(
    (object) => object.object === "event" && object.type === AWAITED_EVENT && object.pending_webhooks > 0,
  );
}
