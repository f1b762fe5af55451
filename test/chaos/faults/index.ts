import type { FaultType } from "../schedule.ts";
import { blackHole } from "./black-hole.ts";
import { clockSkewed } from "./clock-skewed.ts";
import { connectionsCut } from "./connections-cut.ts";
import type { Fault } from "./fault.ts";
import { mailServerDown } from "./mail-server-down.ts";
import { postgresBackendsTerminated } from "./postgres-backends-terminated.ts";
import { postgresRestarted } from "./postgres-restarted.ts";
import { redisFlushed, redisFrozen, redisRestarted } from "./redis.ts";
import { relayKilled } from "./relay-killed.ts";
import { redisCutAfter, statementCutAfter, statementCutBefore } from "./statement-cut.ts";
import { timeLeapt } from "./time-leapt.ts";
import { webhooksDoubled, webhooksLost, webhooksShuffled } from "./webhooks.ts";
import { workerFrozen } from "./worker-frozen.ts";
import { workerKilled } from "./worker-killed.ts";

export const faults: Readonly<Record<FaultType, Fault>> = {
  worker_killed: workerKilled,
  worker_frozen: workerFrozen,
  relay_killed: relayKilled,
  time_leapt: timeLeapt,
  clock_skewed: clockSkewed,
  postgres_backends_terminated: postgresBackendsTerminated,
  postgres_restarted: postgresRestarted,
  connections_cut: connectionsCut,
  statement_cut_before: statementCutBefore,
  statement_cut_after: statementCutAfter,
  black_hole: blackHole,
  webhooks_lost: webhooksLost,
  webhooks_doubled: webhooksDoubled,
  webhooks_shuffled: webhooksShuffled,
  mail_server_down: mailServerDown,
  redis_flushed: redisFlushed,
  redis_restarted: redisRestarted,
  redis_frozen: redisFrozen,
  redis_cut_after: redisCutAfter,
};
