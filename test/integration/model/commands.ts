import fc from "fast-check";
import { expect } from "vitest";
import type { StripeEvent } from "../../../src/stripe/events.ts";
import { shuffled } from "../../disorder/orders.ts";
import { asked, carryOut, type Life, passTime, refusalOf } from "./life.ts";
import type { Seen, Wish, World } from "./world.ts";

/** What the model knows: how the contract should stand, and what was asked of it. */
export interface Model {
  readonly life: Life;
  readonly wishes: Wish[];
  /** How the wishes must end that a worker has left in the middle, until another has taken over. */
  readonly left: Map<string, string>;
}

/**
 * A sentence of the story, with what it does to the model and to the world. Each is told on a line of its own, with what came of
 * it: a shorter story that is tried has sentences of its own.
 */
abstract class Sentence implements fc.AsyncCommand<Model, World>, fc.WithCloneMethod<Sentence> {
  abstract [fc.cloneMethod](): Sentence;
  abstract check(model: Readonly<Model>): boolean;
  abstract play(model: Model, world: World): Promise<void>;
  abstract toString(): string;

  async run(model: Model, world: World): Promise<void> {
    await this.play(model, world);
    await compare(model, world);
  }
}

class AskFor extends Sentence {
  readonly pick: number;
  #told = "something";

  constructor(pick: number) {
    super();
    this.pick = pick;
  }

  check(): boolean {
    return true;
  }

  async play({ life, wishes, left }: Model, world: World): Promise<void> {
    const { kind, period } = this.#choose(life);
    const wish = { id: `${world.contractId}-${wishes.length + 1}`, kind, period, reason: "" };
    this.#told = `${kind}${kind === "refund_payment" ? ` (period ${period})` : ""}`;
    // By card, what it meets while events are under way depends on which have arrived: either answer is right then.
    const isEarly = world.reported.length > 0;
    if (isEarly) world.dieAt(null);
    const refusal = refusalOf(life, kind, period);
    wishes.push(wish);
    expect(await world.request(wish)).toMatchObject({ operation: { id: wish.id } });
    const ending = await world.ending(wish.id);
    const expected = isEarly && ending !== undefined ? ending : (refusal ?? "succeeded");
    this.#told += `: ${ending ?? "a worker has begun it"}`;
    if (ending === undefined) left.set(wish.id, expected);
    else expect(ending).toBe(expected);
    if (expected === "succeeded") carryOut(life, kind, period);
  }

  /** Mostly what is allowed now and ends nothing, so that lives are long; now and then anything. */
  #choose(life: Life): Pick<Wish, "kind" | "period"> {
    // What the tombstone of a deleted contract still takes is another story.
    const kinds = asked.filter((kind) => life.status !== "deleted" || kind !== "refund_payment");
    const all = kinds.flatMap((kind) => [0, 1, 2, 3].map((period) => ({ kind, period })));
    const allowed = all.filter(({ kind, period }) => refusalOf(life, kind, period) === undefined);
    const gentle = allowed.filter(({ kind }) => !["cancel", "terminate", "delete"].includes(kind));
    const wanted = [all, all, all, allowed][this.pick % 12] ?? gentle;
    const from = wanted.length > 0 ? wanted : all;
    return from[Math.floor(this.pick / 12) % from.length] ?? { kind: "delete", period: 0 };
  }

  [fc.cloneMethod](): Sentence {
    return new AskFor(this.pick);
  }

  toString(): string {
    return `\n  - an operator asks for ${this.#told}`;
  }
}

class AskAgain extends Sentence {
  readonly which: number;
  readonly isOther: boolean;
  #of = "";

  constructor(which: number, isOther: boolean) {
    super();
    [this.which, this.isOther] = [which, isOther];
  }

  /** A deleted contract's operations are forgotten, all but their ids. */
  check({ life, wishes }: Model): boolean {
    return wishes.length > 0 && life.status !== "deleted";
  }

  async play({ wishes }: Model, world: World): Promise<void> {
    const wish = wishes[this.which % wishes.length] as Wish;
    this.#of = `${wish.kind} ${this.isOther ? "for another reason, " : ""}under ${wish.id}`;
    world.dieAt(null);
    const answer = this.isOther ? "id_reused" : "duplicate";
    expect(await world.request({ ...wish, reason: this.isOther ? "another" : "" })).toMatchObject({ answer });
  }

  [fc.cloneMethod](): Sentence {
    return new AskAgain(this.which, this.isOther);
  }

  toString(): string {
    return `\n  - somebody asks again for ${this.#of}`;
  }
}

class Die extends Sentence {
  readonly boundary: number;
  #at = "a boundary to which it does not come";

  constructor(boundary: number) {
    super();
    this.boundary = boundary;
  }

  check(): boolean {
    return true;
  }

  async play(_: Model, world: World): Promise<void> {
    world.dieAt(this.boundary, (name) => {
      this.#at = name;
    });
  }

  [fc.cloneMethod](): Sentence {
    return new Die(this.boundary);
  }

  toString(): string {
    return `\n  - the next worker will die at ${this.#at}`;
  }
}

class TakeOver extends Sentence {
  check(): boolean {
    return true;
  }

  play(model: Model, world: World): Promise<void> {
    return takeOver(model, world);
  }

  [fc.cloneMethod](): Sentence {
    return this;
  }

  toString(): string {
    return "\n  - a minute passes, and another worker takes over";
  }
}

class PassTime extends Sentence {
  readonly halves: number;

  constructor(halves: number) {
    super();
    this.halves = halves;
  }

  check({ life }: Model): boolean {
    return life.time + this.halves <= timeMax;
  }

  async play(model: Model, world: World): Promise<void> {
    await endWhatIsLeft(model, world);
    for (let half = 0; half < this.halves; half += 1) {
      passTime(model.life);
      await world.passTime(model.life.time);
    }
  }

  [fc.cloneMethod](): Sentence {
    return new PassTime(this.halves);
  }

  toString(): string {
    return `\n  - ${this.halves === 1 ? "half a month passes" : `${this.halves} halves of a month pass`}, and the daily run comes`;
  }
}

class ChangeCard extends Sentence {
  readonly isGood: boolean;

  constructor(isGood: boolean) {
    super();
    this.isGood = isGood;
  }

  check({ life }: Model): boolean {
    return life.method === "card" && life.cardIsGood !== this.isGood;
  }

  async play({ life }: Model, world: World): Promise<void> {
    life.cardIsGood = this.isGood;
    await world.setCard(this.isGood);
  }

  [fc.cloneMethod](): Sentence {
    return new ChangeCard(this.isGood);
  }

  toString(): string {
    return `\n  - the customer's card is ${this.isGood ? "good again" : "declined from now on"}`;
  }
}

class Arrive extends Sentence {
  readonly seed: number;
  readonly share: number;
  #what = "nothing";

  constructor(seed: number, share: number) {
    super();
    [this.seed, this.share] = [seed, share];
  }

  check({ life }: Model): boolean {
    return life.method === "card";
  }

  async play(model: Model, world: World): Promise<void> {
    await endWhatIsLeft(model, world);
    const arrived = await arrive(world, this.seed, this.share);
    if (arrived.length > 0) this.#what = arrived.map(({ type }) => type).join(", ");
  }

  [fc.cloneMethod](): Sentence {
    return new Arrive(this.seed, this.share);
  }

  toString(): string {
    return `\n  - of what Stripe has reported arrives: ${this.#what}`;
  }
}

/** Some seven months, in which everything can happen more than once. */
const timeMax = 14;

/** Lets a share of what is under way arrive, in some order, and one in five once more. Gives what arrived. */
async function arrive(world: World, seed: number, share: number): Promise<readonly StripeEvent[]> {
  let state = seed;
  const chance = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const underWay = shuffled(world.reported.splice(0), chance).map((event) => ({ event, isNow: chance() < share }));
  const now = underWay.filter(({ isNow }) => isNow).map(({ event }) => event);
  const arriving = [...now, ...now.filter(() => chance() < 0.2)];
  world.reported.push(...underWay.filter(({ isNow }) => !isNow).map(({ event }) => event));
  await world.arrive(arriving);
  return arriving;
}

async function takeOver({ left }: Model, world: World): Promise<void> {
  world.dieAt(null);
  await world.takeOver();
  for (const [id, expected] of left) {
    const ending = await world.ending(id);
    // A deletion that came behind it has forgotten it.
    if (ending !== "erased") expect(ending).toBe(expected);
  }
  left.clear();
}

/** What brings news waits for what is at work, as a worker's death is found out within a minute. The next one may die as well. */
async function endWhatIsLeft(model: Model, world: World): Promise<void> {
  if (model.left.size > 0) await takeOver(model, world);
}

/** Lets everything arrive and be carried out, after which the contract stands as it should. */
export async function heal(model: Model, world: World): Promise<void> {
  await takeOver(model, world);
  while (world.reported.length > 0) await arrive(world, world.reported.length, 1);
  await compare(model, world, true);
  expect(await world.audit()).toEqual([]);
}

/** Compares as long as nothing is under way. What Stripe has is asked for at the end alone: it takes as long as all the rest. */
async function compare({ life, left }: Model, world: World, isEnd = false): Promise<void> {
  if (left.size > 0 || world.reported.length > 0) return;
  const seen = await world.look(isEnd);
  expect(seen).toEqual(expectedOf(life, seen));
}

function expectedOf({ status, endsAt, payments }: Life, { atStripe }: Seen): Seen {
  const periods = (...states: readonly string[]) =>
    Object.keys(payments)
      .map(Number)
      .filter((period) => states.includes(payments[period] ?? ""));
  const runs = ["active", "termination_reserved", "payment_unconfirmed"].includes(status);
  return {
    status,
    endsAt,
    payments:
      status === "deleted"
        ? {}
        : Object.fromEntries(
            Object.entries(payments).map(([period, state]) => [period, state === "owed_back" ? "paid" : state]),
          ),
    // A refund alone takes no license.
    open: status === "deleted" || status === "canceled" ? [] : periods("paid", "owed_back", "refunded"),
    atStripe: atStripe && {
      runs,
      ends: runs ? endsAt !== null : atStripe.ends,
      refunds: periods("refunded").length,
    },
  };
}

/** Stories of a contract's life, of up to so many sentences. */
export function stories(sentencesMax: number): fc.Arbitrary<Iterable<fc.AsyncCommand<Model, World>>> {
  const halves = fc.constantFrom(1, 1, 1, 2, 3);
  const wishes = fc.nat({ max: 100_000 }).map((pick) => new AskFor(pick));
  return fc.commands(
    [
      wishes,
      wishes,
      wishes,
      fc.tuple(fc.nat({ max: 9 }), fc.boolean()).map(([which, isOther]) => new AskAgain(which, isOther)),
      fc.integer({ min: 1, max: 16 }).map((boundary) => new Die(boundary)),
      fc.constant(new TakeOver()),
      halves.map((count) => new PassTime(count)),
      halves.map((count) => new PassTime(count)),
      fc.boolean().map((isGood) => new ChangeCard(isGood)),
      fc.tuple(fc.nat(), fc.constantFrom(0.5, 1)).map(([seed, share]) => new Arrive(seed, share)),
    ],
    { maxCommands: sentencesMax, size: "max" },
  );
}
