import { record } from "../billing/effects.ts";
import { boundary } from "../billing/periods.ts";
import type { Change } from "../core/change.ts";
import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { invalidRequest, referenceMissing, resourceMissing } from "../core/errors.ts";
import { LIST_PARAMS } from "../core/imitated-params.ts";
import { listPage, readPageRequest } from "../core/list.ts";
import type { StoredTestClock } from "../core/stored.ts";
import { recurrenceOf } from "../objects/price.ts";
import { itemOf } from "../objects/subscription-item.ts";
import { testClockObject } from "../objects/test-clock.ts";
import { beginAdvancing } from "../time/test-clock.ts";

/** A clock goes at most so many intervals of its shortest subscription at once. */
const INTERVALS_MAX = 2;

const PATH = "/v1/test_helpers/test_clocks";

const create = defineEndpoint({
  method: "POST",
  path: PATH,
  params: ["frozen_time", "name", "customer"],
  answers: "test_helpers.test_clock",
  read: (params) => ({
    frozenTime: params.integer("frozen_time", 0) ?? 0,
    name: params.text("name") ?? null,
    customer: params.text("customer"),
  }),
  execute: (change, { customer: id, ...facts }) => {
    const customer = id === undefined ? undefined : change.objects.customer.get(id);
    if (id !== undefined && customer === undefined) throw referenceMissing("customer", id, "customer");
    const clock = change.put(testClockObject({ ...facts, created: change.now }));
    record(change, "test_clock.created", clock, { metadata: {} });
    if (customer !== undefined) change.put({ ...customer, test_clock: clock.id });
    return clock;
  },
});

const retrieve = defineEndpoint({
  method: "GET",
  path: `${PATH}/:id`,
  params: [],
  answers: "test_helpers.test_clock",
  read: (_params, id) => id,
  execute: clockNamed,
});

const list = defineEndpoint({
  method: "GET",
  path: PATH,
  params: [...LIST_PARAMS],
  answers: "test_helpers.test_clock",
  isList: true,
  read: (params) => readPageRequest(params),
  execute: ({ objects }, page) => {
    const collection = objects["test_helpers.test_clock"];
    return listPage({ collection, matches: () => true, url: PATH, noun: "test_clock" }, page);
  },
});

/** @param advance finishes what a request has begun; called when that request's answer is on its way */
export function testClockEndpoints(advance: (clock: string) => void): readonly Endpoint[] {
  const advanceClock = defineEndpoint({
    method: "POST",
    path: `${PATH}/:id/advance`,
    params: ["frozen_time"],
    answers: "test_helpers.test_clock",
    read: (params, id) => ({ id, target: params.integer("frozen_time", 0) ?? 0 }),
    execute: (change, { id, target }) => {
      const clock = clockNamed(change, id);
      refuseTarget(change, clock, target);
      const advancing = beginAdvancing(change, clock, target);
      setImmediate(advance, id);
      return advancing;
    },
  });
  return [create, retrieve, list, advanceClock];
}

function clockNamed({ objects }: Change, id: string): StoredTestClock {
  const clock = objects["test_helpers.test_clock"].get(id);
  if (clock === undefined) throw resourceMissing("test_clock", id, "test_clock");
  return clock;
}

function refuseTarget(change: Change, clock: StoredTestClock, target: number): void {
  if (clock.status !== "ready") throw invalidRequest(`The test clock ${clock.id} is advancing already.`);
  if (target <= clock.frozen_time) {
    throw invalidRequest("A test clock goes forward only.", { param: "frozen_time" });
  }
  const furthest = furthestOf(change, clock);
  if (target <= furthest) return;
  throw invalidRequest(`A test clock goes at most ${INTERVALS_MAX} intervals of its shortest subscription at once.`, {
    param: "frozen_time",
  });
}

function furthestOf({ objects }: Change, clock: StoredTestClock): number {
  let furthest = Number.POSITIVE_INFINITY;
  for (const subscription of objects.subscription.oldestFirst()) {
    if (subscription.test_clock !== clock.id || subscription.ended_at !== null) continue;
    const recurrence = recurrenceOf(itemOf(subscription).price);
    if (recurrence !== null) furthest = Math.min(furthest, boundary(clock.frozen_time, recurrence, INTERVALS_MAX));
  }
  return furthest;
}
