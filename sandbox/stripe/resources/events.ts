import type { Change } from "../core/change.ts";
import { clockOfCustomer, customerOf } from "../core/clock.ts";
import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { invalidRequest, resourceMissing } from "../core/errors.ts";
import { LIST_PARAMS } from "../core/imitated-params.ts";
import { listPage, readPageRequest } from "../core/list.ts";
import type { Params } from "../core/params.ts";
import type { StoredEvent } from "../core/stored.ts";

/** How long Stripe keeps events. */
const KEPT_SECONDS = 30 * 24 * 60 * 60;

const TYPES_MAX = 20;

const retrieve = defineEndpoint({
  method: "GET",
  path: "/v1/events/:id",
  params: [],
  answers: "event",
  read: (_params, id) => id,
  execute: (change, id) => {
    const event = change.objects.event.get(id);
    if (event === undefined || !isKept(change, event)) throw resourceMissing("event", id, "id");
    return event;
  },
});

const list = defineEndpoint({
  method: "GET",
  path: "/v1/events",
  params: [...LIST_PARAMS, "type", "types[]", "delivery_success"],
  answers: "event",
  isList: true,
  read: (params) => ({
    page: readPageRequest(params),
    types: readTypes(params),
    isDelivered: params.flag("delivery_success"),
  }),
  execute: (change, { page, types, isDelivered }) =>
    listPage(
      {
        collection: change.objects.event,
        matches: (event) =>
          isKept(change, event) &&
          (types === undefined || types.some((type) => isOfType(event, type))) &&
          (isDelivered === undefined || isDelivered === (event.pending_webhooks === 0)),
        url: "/v1/events",
        noun: "event",
      },
      page,
    ),
});

export const eventEndpoints: readonly Endpoint[] = [retrieve, list];

function readTypes(params: Params): readonly string[] | undefined {
  const type = params.text("type");
  if (type !== undefined) return [type];
  if (!params.has("types")) return undefined;
  const types = params.texts("types");
  if (types.length <= TYPES_MAX) return types;
  throw invalidRequest(`types has at most ${TYPES_MAX} elements.`, { param: "types" });
}

/** A star at the end stands for any rest: `invoice.*`. */
function isOfType({ type }: StoredEvent, wanted: string): boolean {
  return wanted.endsWith("*") ? type.startsWith(wanted.slice(0, -1)) : type === wanted;
}

/** Thirty days are counted on the clock that dates the event. */
function isKept(change: Change, event: StoredEvent): boolean {
  return event.created > nowFor(change, event) - KEPT_SECONDS;
}

function nowFor(change: Change, { created, data: { object } }: StoredEvent): number {
  // A clock's own events are kept as long as the clock.
  if (object.object === "test_helpers.test_clock") return created;
  const clock = clockOfCustomer(change, customerOf(change, object));
  return (clock === null ? undefined : change.objects["test_helpers.test_clock"].get(clock)?.frozen_time) ?? change.now;
}
