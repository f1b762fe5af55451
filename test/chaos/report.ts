import type { Finding } from "./court.ts";
import type { Death } from "./crew.ts";
import type { Healing } from "./heal.ts";
import type { Injected } from "./hurt.ts";
import { notJudged } from "./judge/index.ts";
import type { ScheduledFault } from "./schedule.ts";

/** What came of a run. */
export interface Outcome {
  readonly seed: number;
  readonly queue: string;
  readonly seconds: number;
  readonly schedule: readonly ScheduledFault[];
  readonly injected: readonly Injected[];
  readonly samples: number;
  /** How long the world was hurt, as {@link UncrowdedTime} counts. */
  readonly uncrowdedMs: number;
  /** Requests that reached Stripe while the world was hurt, and how many of them met a fault of each kind. */
  readonly requests: number;
  readonly stripeFaults: Readonly<Record<string, number>>;
  /** Operations by kind and end: `cancel succeeded`. */
  readonly concluded: Readonly<Record<string, number>>;
  readonly stories: number;
  readonly happened: Readonly<Record<string, number>>;
  readonly healing: Healing;
  readonly findings: readonly Finding[];
  readonly deaths: readonly Death[];
  /** What `keiyaku audit` said: another witness, which is no judge here. */
  readonly audit: string;
}

/** Kinds that every run concludes: each once in twenty seconds. */
const kindsWanted = [
  "register",
  "confirm_payment",
  "reserve_termination",
  "withdraw_reservation",
  "refund_payment",
  "cancel",
  "record_payment",
  "record_refund",
  "record_subscription_change",
  "renew",
] as const;

/** Of each type of fault that the schedule has so many were to come; a machine that stands still may miss some. */
const injectedShareMin = 0.6;

/** A machine of half the speed of two idle cores has concluded so many operations after a second. */
const operationsPerSecondMin = 1.5;

/** A third of the requests to Stripe is to meet a fault; a machine that stands still may be late with the rules. */
const stripeFaultShareMin = 0.2;

/** Why the run failed, a sentence each; none when it passed. */
export function failuresOf(outcome: Outcome): readonly string[] {
  const { findings, healing } = outcome;
  return [
    ...findings.flatMap(({ id, violations }) =>
      violations.length === 0 ? [] : [`${id} does not hold: ${violations[0]?.what} (${violations.length} in all)`],
    ),
    ...findings.flatMap(({ id, checked }) => (checked === 0 ? [`${id} was never checked`] : [])),
    ...(healing.gaveUp === null ? [] : [`${healing.gaveUp}: ${JSON.stringify(healing.open)}`]),
    ...healing.shutdowns.filter((ending) => !ending.endsWith("with 0")),
    ...outcome.deaths
      .filter(({ isRefusedStart }) => !isRefusedStart)
      .map(({ member, how }) => `${member} died by itself (${how})`),
    ...minimumsMissed(outcome),
  ];
}

function minimumsMissed(outcome: Outcome): readonly string[] {
  const seconds = outcome.uncrowdedMs / 1_000;
  const share = seconds / outcome.seconds;
  const { schedule, injected, concluded, requests, stripeFaults, samples } = outcome;
  const missed: string[] = [];
  const planned = countBy(schedule.map(({ type }) => type));
  const done = countBy(injected.filter(({ failed }) => failed === undefined).map(({ type }) => type));
  for (const [type, count] of Object.entries(planned)) {
    const least = Math.floor(count * injectedShareMin * share);
    if ((done[type] ?? 0) < least) missed.push(`${type} took place ${done[type] ?? 0} times, of at least ${least}`);
  }
  const faulty = sumOf(stripeFaults);
  if (faulty < requests * stripeFaultShareMin)
    missed.push(`only ${faulty} of ${requests} requests to Stripe met a fault`);
  const least = Math.floor(seconds / 20);
  for (const kind of kindsWanted) {
    const count = concluded[`${kind} succeeded`] ?? 0;
    if (count < least) missed.push(`${kind} succeeded ${count} times, of at least ${least}`);
  }
  const total = sumOf(concluded);
  if (total < seconds * operationsPerSecondMin) missed.push(`only ${total} operations were concluded`);
  if (samples < seconds / 4) missed.push(`only ${samples} samples were taken`);
  return missed;
}

/** The report, for people to read. */
export function linesOf(outcome: Outcome): readonly string[] {
  const { findings, injected, concluded, healing, deaths, requests, stripeFaults, happened } = outcome;
  const done = countBy(injected.filter(({ failed }) => failed === undefined).map(({ type }) => type));
  const failed = injected.filter((each) => each.failed !== undefined);
  const settled =
    healing.gaveUp ?? `settled after ${inSeconds(healing.wallMs)} (${inSeconds(healing.uncrowdedMs)} uncrowded)`;
  return [
    "Invariants, with how many things were checked:",
    ...findings.map(
      ({ id, claim, looks, checked, violations }) =>
        `  ${violations.length === 0 ? "holds" : "FAILS"}  ${id.padEnd(4)} ${String(checked).padStart(8)} in ${String(looks).padStart(3)} looks  ${claim}`,
    ),
    ...Object.entries(notJudged).map(([id, why]) => `  left out  ${id}: ${why}`),
    ...findings.flatMap(({ id, violations }) =>
      violations.slice(0, 10).map(({ at, what }) => `  ${id} at ${new Date(at).toISOString()}: ${what}`),
    ),
    "Faults that took place:",
    ...inColumns(done),
    ...failed.map(({ type, failed: why }) => `  not done: ${type}: ${why}`),
    `Stripe's faults, in ${requests} requests:`,
    ...inColumns(stripeFaults),
    "What happened at Stripe by others:",
    ...inColumns(happened),
    `Operations concluded (${outcome.stories} contracts):`,
    ...inColumns(concluded),
    `Hurt for ${outcome.seconds} s (${inSeconds(outcome.uncrowdedMs)} uncrowded), sampled ${outcome.samples} times.`,
    `Healing: ${settled}; ${healing.retried} times a person let something that was held be tried again; a day passed ${healing.days} times.`,
    ...deaths.map(
      ({ member, at, how, lastWords }) =>
        `${member} died by itself at ${new Date(at).toISOString()} (${how}):\n${lastWords}`,
    ),
    `Another witness, keiyaku audit: ${outcome.audit}`,
  ];
}

function inColumns(counts: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(counts)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([name, count]) => `  ${String(count).padStart(5)}  ${name}`);
}

export function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function inSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
