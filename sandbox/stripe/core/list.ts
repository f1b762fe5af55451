import type Stripe from "stripe";
import { type Collection, createdAt, type Storable } from "./collection.ts";
import { invalidRequest } from "./errors.ts";
import type { Params } from "./params.ts";

/** Stripe's page sizes. */
const LIMIT_DEFAULT = 10;
const LIMIT_MAX = 100;

export interface PageRequest {
  readonly limit: number;
  readonly startingAfter: string | undefined;
  readonly endingBefore: string | undefined;
  readonly isInRange: (created: number) => boolean;
}

export function readPageRequest(params: Params): PageRequest {
  const startingAfter = params.text("starting_after");
  const endingBefore = params.text("ending_before");
  if (startingAfter !== undefined && endingBefore !== undefined) {
    throw invalidRequest("Only one of starting_after and ending_before can be given.");
  }
  return {
    limit: params.integer("limit", 1, LIMIT_MAX) ?? LIMIT_DEFAULT,
    startingAfter,
    endingBefore,
    isInRange: readCreatedRange(params),
  };
}

export interface ListSource<T extends Storable> {
  readonly collection: Collection<T>;
  /** The index to walk and the value in it; without them all objects are walked. */
  readonly index?: { readonly name: string; readonly key: string } | undefined;
  readonly matches: (object: T) => boolean;
  readonly url: string;
  readonly noun: string;
}

/** One page, newest first. `has_more` speaks of the direction in which the page was asked for. */
export function listPage<T extends Storable>(source: ListSource<T>, page: PageRequest): Stripe.ApiList<T> {
  const found: T[] = [];
  for (const object of walk(source, page)) {
    if (!page.isInRange(createdAt(object)) || !source.matches(object)) continue;
    if (found.length === page.limit) return answer(source, page, found, true);
    found.push(object);
  }
  return answer(source, page, found, false);
}

function answer<T extends Storable>(source: ListSource<T>, page: PageRequest, found: T[], hasMore: boolean) {
  const data = page.endingBefore === undefined ? found : found.toReversed();
  return { object: "list" as const, data, has_more: hasMore, url: source.url };
}

function walk<T extends Storable>(source: ListSource<T>, page: PageRequest): Iterable<T> {
  const { collection, index } = source;
  if (page.endingBefore !== undefined) {
    return collection.newerThan(cursor(source, page.endingBefore, "ending_before"), index?.name, index?.key);
  }
  const before = page.startingAfter === undefined ? undefined : cursor(source, page.startingAfter, "starting_after");
  return collection.newestFirst(index?.name, index?.key, before);
}

function cursor<T extends Storable>(source: ListSource<T>, id: string, param: string): T {
  const object = source.collection.get(id);
  if (object === undefined) {
    throw invalidRequest(`No such ${source.noun}: '${id}'`, { code: "resource_missing", param });
  }
  return object;
}

function readCreatedRange(params: Params): (created: number) => boolean {
  if (!params.has("created")) return () => true;
  const bounds = params.map("created");
  const exactly = params.isText("created") ? params.integer("created", 0) : undefined;
  const gt = bounds.integer("gt", 0) ?? -1;
  const gte = bounds.integer("gte", 0) ?? 0;
  const lt = bounds.integer("lt", 0) ?? Number.POSITIVE_INFINITY;
  const lte = bounds.integer("lte", 0) ?? Number.POSITIVE_INFINITY;
  return (created) =>
    (exactly === undefined || created === exactly) && created > gt && created >= gte && created < lt && created <= lte;
}
