import type { Clock } from "../clock.ts";
import { skewMsOf } from "../clock-skew.ts";
import type { Config } from "../config.ts";
import { describeError } from "../log-error.ts";
import { within } from "../queue/enqueue.ts";
import { inspectQueue } from "../queue/inspect-queue.ts";
import { inspectRedis } from "../queue/inspect-redis.ts";
import { queueNames } from "../queue/payloads.ts";
import type { QueueBackend } from "../queue/queue-backend.ts";
import type { Database } from "../store/database.ts";
import { findSubscriptions } from "../store/find-subscriptions.ts";
import { inspectPostgres } from "../store/inspect-server.ts";
import { listHeld } from "../store/list-held.ts";
import { readEventVersions } from "../store/read-event-versions.ts";
import { readLedgerFigures } from "../store/read-ledger-figures.ts";
import { readMailFigures } from "../store/read-mail-figures.ts";
import { readRunFigures } from "../store/read-run-figures.ts";
import { createStripeGateway, stripeApiVersion } from "../stripe/stripe-gateway.ts";
import { judgeSkew, measureDatabaseSkew } from "./check-clocks.ts";
import { judgeBooks, judgeRuns } from "./check-nights.ts";
import { checkPostgres, checkSchema } from "./check-postgres.ts";
import { judgeRedis } from "./check-queue.ts";
import { checkSettings } from "./check-settings.ts";
import {
  findAbandoned,
  findStrangers,
  findUnlistable,
  judgeStripe,
  probeStripe,
  standInFinding,
} from "./check-stripe.ts";
import {
  judgeBackfill,
  judgeEvents,
  judgeMail,
  judgeOperations,
  judgeQueue,
  judgeRefunds,
  judgeVersions,
  judgeWorkers,
} from "./check-work.ts";
import { type CheckName, checkNames, type Finding, skipped, well, wrong } from "./finding.ts";

/** What an examination asks. */
export interface Patient {
  readonly config: Config;
  readonly db: Database;
  readonly queue: QueueBackend;
  readonly clock: Clock;
  readonly showMoney: (minor: number, currency: string) => string;
}

/** How long one question may take before the next part is told without it. */
const answerWithinMs = 4_000;

/** How long a whole check may take, whatever its parts do: with the two rounds below, some 20 seconds at the worst. */
const checkWithinMs = 9_000;

/** How many subscriptions are asked for: that a single one is gone may be somebody's doing at Stripe. */
const subscriptionsAsked = 3;

/** How many held operations are named; the list command shows the rest. */
const heldNamedMax = 20;

/**
 * Looks at every part and tells what it finds, in the order of {@link checkNames}. A part that does not answer costs its
 * own check and those that depend on it, never another one, and no more than a bounded time. Changes nothing anywhere.
 */
export async function examine(patient: Patient): Promise<readonly Finding[]> {
  const { config, db, queue, clock } = patient;
  const [postgres, redis, stripe] = await Promise.all([
    check("postgres", () => checkPostgres(db, answerWithinMs)),
    check("queue", async () => (queue.type === "redis" ? examineRedis(queue.url, clock) : [onPostgres])),
    check("stripe", () => examineStripe(config.stripe, clock)),
  ]);
  const isReached = postgres.some(({ check: name, verdict }) => name === "postgres" && verdict === "well");
  const schema = isReached ? await check("schema", () => checkSchema(db)) : unasked("schema");
  const hasSchema = schema.some(({ verdict }) => verdict === "well" || verdict === "warning");
  const queueIsReached = queue.type === "redis" ? redis.some(({ verdict }) => verdict === "well") : hasSchema;
  const rest = await Promise.all([
    isReached ? check("clocks", () => examineDatabaseClock(db, clock)) : unasked("clocks"),
    queueIsReached ? check("jobs", () => examineQueues(queue, clock)) : unasked("jobs"),
    hasSchema ? check("stripe", () => examineAccount(patient)) : [],
    isReached ? check("workers", () => examineWorkers(db)) : unasked("workers"),
    hasSchema
      ? check("operations", () => examineLedger(patient))
      : [
          ...unasked("operations"),
          ...unasked("refunds"),
          ...unasked("events"),
          ...unasked("backfill"),
          ...unasked("books"),
        ],
    hasSchema ? check("mail", async () => judgeMail(await readMailFigures(db, answerWithinMs))) : unasked("mail"),
    hasSchema ? check("dates", () => examineRuns(patient)) : unasked("dates"),
  ]);
  const findings = [...checkSettings(config), ...postgres, ...redis, ...stripe, ...schema, ...rest.flat()];
  return findings.toSorted((a, b) => checkNames.indexOf(a.check) - checkNames.indexOf(b.check));
}

const onPostgres = well("queue", "The queue lives in PostgreSQL, beside the data.");

/** Makes one check within its time. What it fails over is a finding too. */
async function check(name: CheckName, look: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await within(checkWithinMs, look());
  } catch (error) {
    const { name: kind, message = "", code } = describeError(error);
    const why = [kind, code, message].filter((part) => part !== undefined && part !== "").join(", ");
    return [wrong(name, `This could not be looked at (${why}).`, "Look again; if it stays, report it with this line.")];
  }
}

function unasked(name: CheckName): readonly Finding[] {
  return [skipped(name, "Not looked at: what it depends on was not reached, or is not up to date.")];
}

async function examineRedis(url: string, clock: Clock): Promise<readonly Finding[]> {
  const inspection = await inspectRedis(url, () => clock.nowMs(), answerWithinMs);
  const told = inspection.type === "answered" ? inspection.state.clock : null;
  const skew = told === null ? [] : [judgeSkew("Redis", skewMsOf(told.redisMs, told.beforeMs, told.afterMs))];
  return [...judgeRedis(inspection), ...skew];
}

async function examineDatabaseClock(db: Database, clock: Clock): Promise<readonly Finding[]> {
  return [judgeSkew("the database", await measureDatabaseSkew(db, clock, answerWithinMs))];
}

async function examineStripe(stripe: Config["stripe"], clock: Clock): Promise<readonly Finding[]> {
  if (stripe.type === "stand_in") return [standInFinding];
  const gateway = createStripeGateway({ ...stripe, withinMs: answerWithinMs, maxNetworkRetries: 0 });
  try {
    const [probe, ...remarks] = await Promise.all([
      probeStripe(gateway),
      findAbandoned(gateway),
      findUnlistable(gateway, clock.now()),
    ]);
    return [judgeStripe(stripe, probe), ...remarks.filter((remark) => remark !== undefined)];
  } finally {
    gateway.close();
  }
}

/** Whether the key is of the account whose subscriptions bill our contracts. */
async function examineAccount({ config: { stripe }, db }: Patient): Promise<readonly Finding[]> {
  if (stripe.type === "stand_in") return [];
  const subscriptionIds = await findSubscriptions(db, subscriptionsAsked, answerWithinMs);
  const gateway = createStripeGateway({ ...stripe, withinMs: answerWithinMs, maxNetworkRetries: 0 });
  try {
    const strangers = await findStrangers(gateway, subscriptionIds);
    return strangers === undefined ? [] : [strangers];
  } finally {
    gateway.close();
  }
}

async function examineQueues(queue: QueueBackend, clock: Clock): Promise<readonly Finding[]> {
  const states = await Promise.all(queueNames.map((name) => inspectQueue(queue, name, answerWithinMs)));
  return states.flatMap((state) => judgeQueue(state, clock.nowMs()));
}

async function examineWorkers(db: Database): Promise<readonly Finding[]> {
  return [judgeWorkers((await inspectPostgres(db, answerWithinMs)).workerConnections)];
}

async function examineLedger({ db, showMoney }: Patient): Promise<readonly Finding[]> {
  const figures = await readLedgerFigures(db, answerWithinMs);
  const held = figures.held === 0 ? [] : await listHeld(db, heldNamedMax);
  const versions = judgeVersions(await readEventVersions(db, answerWithinMs), stripeApiVersion);
  return [
    ...judgeOperations(figures, held),
    judgeRefunds(figures, showMoney),
    ...judgeEvents(figures),
    ...(versions === undefined ? [] : [versions]),
    judgeBackfill(figures),
    ...judgeBooks(figures.books),
  ];
}

async function examineRuns({ config, db }: Patient): Promise<readonly Finding[]> {
  const time = { dailyRunAt: config.dailyRunAt, zone: config.businessTimeZone };
  return judgeRuns(await readRunFigures(db, answerWithinMs), time);
}
