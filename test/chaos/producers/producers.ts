import { setTimeout as pause } from "node:timers/promises";
import { createRandom, type Random } from "../../../sandbox/demo/data/random.ts";
import type { World } from "../world.ts";
import { datesOf } from "./dates.ts";
import { type Answer, openDoors } from "./doors.ts";
import { letHappen } from "./happenings.ts";
import { catalogAtStripe, writeStory } from "./stories.ts";
import type { Deed, Door, Request, Story } from "./story.ts";

/** What a caller was told, by a door or when they asked later. */
export interface Told {
  readonly at: number;
  readonly operationId: string;
  readonly contractId: string;
  readonly door: Door;
  readonly said: Answer | { readonly state: string };
  /** The same id with something else in it: to be refused. */
  readonly isOther?: true;
}

export interface Producers {
  readonly told: readonly Told[];
  readonly stories: number;
  /** Happenings at Stripe that took place, by type. */
  readonly happened: Readonly<Record<string, number>>;
  /** Begins no further story, and resolves when those under way have come to a stop. */
  stop(): Promise<void>;
  /** Sends again what no ledger has: a queue may have lost it. Returns how many there were. */
  sendAgain(): Promise<number>;
  close(): Promise<void>;
}

/** A story begins about so often: as many as the machine of two cores carries through beside everything that hurts it. */
const storyEveryMs = 450;

/** Most requests are made once the one before has come to its end, by people who look; the others do not look. */
const looksFirst = 65;

/** A command of the command line is a process of its own, of a second's work: one at a time, and not often. */
const commandLineEveryMs = 4_000;

export async function startProducers(world: World, seed: number): Promise<Producers> {
  const { servers, crew } = world;
  const { sql, stripe } = servers;
  await stripe.control.seed(catalogAtStripe);
  const doors = openDoors(servers, crew);
  const random = createRandom(seed ^ 0x5eed);
  const dates = datesOf(Date.now());
  const told: Told[] = [];
  const happened: Record<string, number> = {};
  const unconfirmed = new Map<string, Request>();
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  let commandLineAtMs = 0;
  let stories = 0;

  function chooseDoor(own: Random): Door {
    const mayCommand = performance.now() - commandLineAtMs > commandLineEveryMs;
    const door = own.pick(["queue", "queue", "sql", "http", ...(mayCommand ? ["command_line" as const] : [])] as const);
    if (door === "command_line") commandLineAtMs = performance.now();
    return door;
  }

  async function send(door: Door, request: Request, isOther = false): Promise<Answer> {
    const { id: operationId, contractId } = request;
    const said = await doors.send(door, request);
    told.push({ at: Date.now(), operationId, contractId, door, said, ...(isOther ? { isOther } : {}) });
    return said;
  }

  /** Sends a request until some door has taken it, through another one each time. */
  async function ask(request: Request, own: Random): Promise<void> {
    unconfirmed.set(request.id, request);
    for (;;) {
      const said = await send(chooseDoor(own), request);
      if (said !== "lost") break;
      if (stopping.signal.aborted) return;
      await pause(300);
    }
    if (own.chance(25)) await send(chooseDoor(own), request);
    if (own.chance(6)) await send(chooseDoor(own), { ...request, reason: "something else" }, true);
  }

  async function isOver(operationId: string): Promise<boolean> {
    const rows = await sql`select 1 from keiyaku.operations where id = ${operationId} and concluded_at is not null`;
    return rows.length > 0;
  }

  async function waitFor({ id, contractId }: Request, own: Random): Promise<void> {
    const until = performance.now() + own.between(4_000, 9_000);
    while (performance.now() < until && !stopping.signal.aborted) {
      if (await isOver(id).catch(() => false)) {
        if (!own.chance(30)) return;
        const state = await doors.ask(id);
        if (state !== undefined) {
          told.push({ at: Date.now(), operationId: id, contractId, door: "http", said: { state } });
        }
        return;
      }
      await pause(150);
    }
  }

  async function doOne(deed: Deed, own: Random): Promise<void> {
    if (deed.type === "product") {
      await doors.putProduct(deed.product);
    } else if (deed.type === "happening") {
      const took = await letHappen(stripe, deed.happening);
      if (took) happened[deed.happening.type] = (happened[deed.happening.type] ?? 0) + 1;
    } else {
      await ask(deed.request, own);
      if (own.chance(looksFirst)) await waitFor(deed.request, own);
    }
  }

  async function live(story: Story, own: Random): Promise<void> {
    if (story.atStripe !== null) await stripe.control.seed(story.atStripe);
    for (const deed of story.deeds) {
      if (stopping.signal.aborted) return;
      await doOne(deed, own);
      await pause(own.between(50, 600));
    }
  }

  async function begin(): Promise<void> {
    while (!stopping.signal.aborted) {
      const own = createRandom(random.between(0, 2 ** 31 - 1));
      const story = live(writeStory(stories, dates, own), own).finally(() => underWay.delete(story));
      underWay.add(story);
      story.catch((error: unknown) => console.error(`a story broke off: ${String(error)}`));
      stories += 1;
      await pause(random.between(storyEveryMs * 0.6, storyEveryMs * 1.4), undefined, { signal: stopping.signal }).catch(
        () => undefined,
      );
    }
  }

  /** Nothing falls due at the stand-in by itself: somebody has to let its time pass. */
  async function letTimePass(): Promise<void> {
    while (!stopping.signal.aborted) {
      await stripe.control.advanceClock({ seconds: 1 });
      await pause(1_000, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  const beginning = Promise.all([begin(), letTimePass()]);
  return {
    told,
    get stories() {
      return stories;
    },
    happened,
    async stop() {
      stopping.abort();
      await beginning;
      await Promise.allSettled(underWay);
    },
    async sendAgain() {
      const ids = [...unconfirmed.keys()];
      const known = await sql<{ id: string }[]>`
        select id from keiyaku.operations where id = any (${ids})
        union select id from keiyaku.erased_operations where id = any (${ids})`;
      for (const { id } of known) unconfirmed.delete(id);
      for (const request of unconfirmed.values()) await send("sql", request);
      return unconfirmed.size;
    },
    close: () => doors.close(),
  };
}
