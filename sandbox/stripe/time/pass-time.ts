import { clockOfCustomer, customerOf } from "../core/clock.ts";
import type { State } from "../core/state.ts";
import type { ObjectKind, StoredInvoice, StoredObjects, StoredRefund, StoredSubscription } from "../core/stored.ts";
import { Agenda } from "./agenda.ts";
import { dueOf } from "./due.ts";

type Timed = StoredSubscription | StoredInvoice | StoredRefund;

const BY_ITSELF = { requestId: null } as const;

/**
 * Lets time pass on one clock: everything that falls due happens in order, each as a change of its own, dated with its own
 * moment. Moves no clock. What was due before `from` happens at `from`.
 *
 * @param clock a test clock, or null for the stand-in's own
 * @returns how many things happened
 */
export function passTime(state: State, clock: string | null, from: number, to: number): number {
  const { objects } = state;
  const agenda = new Agenda();
  const enter = (object: Timed) => {
    const due = clockOfCustomer(state, customerOf(state, object)) === clock ? dueOf(objects, object) : null;
    if (due !== null) agenda.add(due.at, object.id);
  };
  for (const kind of ["subscription", "invoice", "refund"] as const) {
    for (const object of objects[kind].oldestFirst()) enter(object);
  }
  let happened = 0;
  for (let entry = agenda.takeUntil(to); entry !== undefined; entry = agenda.takeUntil(to)) {
    const object = timedObject(state, entry.id);
    const due = object === undefined ? null : dueOf(objects, object);
    // Something earlier may have changed the object since it was entered.
    if (due === null || due.at !== entry.at) continue;
    const { committed } = state.commit(BY_ITSELF, (change) => {
      change.moveTo(Math.max(due.at, from));
      due.happen(change);
    });
    happened += 1;
    for (const changed of committed.objects) if (isTimed(changed)) enter(changed);
  }
  return happened;
}

function timedObject({ objects }: State, id: string): Timed | undefined {
  return objects.subscription.get(id) ?? objects.invoice.get(id) ?? objects.refund.get(id);
}

function isTimed(object: StoredObjects[ObjectKind]): object is Timed {
  return object.object === "subscription" || object.object === "invoice" || object.object === "refund";
}
