import { malformedRequests, requestsForNobody } from "./mistakes.ts";
import type { PlannedContract } from "./planned-contract.ts";
import type { Ask, PlannedRequest } from "./planned-request.ts";
import type { Random } from "./random.ts";
import { refusedRegistrations, registrationScripts } from "./registrations.ts";
import { type Script, scriptOf } from "./scripts.ts";

/** How many lines the file has. */
const requestCount = 1_000;

/** Requests whose id comes a second time with other content. */
const reusedCount = 24;

/**
 * How far two requests for one contract lie apart. A worker takes eight at once, and takes effect in the order in which the
 * ledger accepted them: this far apart, that is the order of the file in every run.
 */
const apartMin = 24;

/** Makes the requests: scripts of all contracts shuffled together, mistakes among them, and repetitions up to the count. */
export function makeRequests(contracts: readonly PlannedContract[], random: Random): readonly PlannedRequest[] {
  const scripts: Script[] = [
    ...contracts.map((contract, index) => scriptOf(contract, random, index)),
    ...registrationScripts(random),
    ...refusedRegistrations(contracts, random),
    ...requestsForNobody().map((ask): Script => [ask]),
  ];
  const numbered = withIds(interleave(scripts, random));
  const lines: PlannedRequest[] = scatter(numbered, malformedRequests(), random);
  reuseIds(lines, random);
  repeat(lines, requestCount - lines.length, random);
  return lines;
}

/** Shuffles scripts together, keeping each one's order and distance. */
function interleave(scripts: readonly Script[], random: Random): readonly Ask[] {
  const queues = scripts.map((script) => ({ left: [...script], notBefore: 0 }));
  const asks: Ask[] = [];
  let open = queues.filter(({ left }) => left.length > 0);
  while (open.length > 0) {
    const ready = open.filter(({ notBefore }) => notBefore <= asks.length);
    const queue = random.pick(ready.length > 0 ? ready : open);
    const ask = queue.left.shift();
    if (ask !== undefined) asks.push(ask);
    queue.notBefore = asks.length + apartMin;
    open = open.filter(({ left }) => left.length > 0);
  }
  return asks;
}

const prefixes: Readonly<Record<string, string>> = { operator: "desk", customer: "site", service: "shop" };

/** Each producer numbers its own requests. */
function withIds(asks: readonly Ask[]): readonly PlannedRequest[] {
  const counts = new Map<string, number>();
  return asks.map((ask) => {
    const prefix = prefixes[ask.actor.type] ?? "unknown";
    const count = (counts.get(prefix) ?? 0) + 1;
    counts.set(prefix, count);
    return { id: `${prefix}-${String(count).padStart(4, "0")}`, ...ask };
  });
}

function scatter(into: readonly PlannedRequest[], some: readonly PlannedRequest[], random: Random): PlannedRequest[] {
  const lines = [...into];
  for (const one of some) lines.splice(random.between(0, lines.length), 0, one);
  return lines;
}

/** Whether a line may be sent again or have its id reused: a malformed one is refused whatever comes after it. */
function isWellFormed({ id }: PlannedRequest): boolean {
  return /^(desk|site|shop)-\d+$/.test(id);
}

/** A program that counts its ids anew after a restart: an id comes again, and means something else. */
function reuseIds(lines: PlannedRequest[], random: Random): void {
  const firstHalf = lines.slice(0, lines.length / 2).filter(isWellFormed);
  for (let done = 0; done < reusedCount; done += 1) {
    const [first] = firstHalf.splice(random.between(0, firstHalf.length - 1), 1);
    if (first === undefined) throw new Error("there are too few requests whose ids could be reused");
    const { id, contractId, actor } = first;
    const kind = first.kind === "cancel" ? "terminate" : "cancel";
    lines.splice(random.between(lines.indexOf(first) + apartMin, lines.length), 0, { id, kind, contractId, actor });
  }
}

/** A producer that got no answer and sends once more: the same request again, some time later. */
function repeat(lines: PlannedRequest[], count: number, random: Random): void {
  if (count < 1) throw new Error(`there are ${-count} requests too many to repeat any`);
  const ids = new Set<string>();
  const first = lines.filter((line) => isWellFormed(line) && !ids.has(line.id) && ids.add(line.id));
  for (let done = 0; done < count; done += 1) {
    const again = random.pick(first);
    const earliest = Math.min(lines.indexOf(again) + apartMin, lines.length);
    lines.splice(random.between(earliest, lines.length), 0, again);
  }
}
