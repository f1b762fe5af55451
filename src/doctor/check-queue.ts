import type { RedisInspection, RedisState } from "../queue/inspect-redis.ts";
import { type Finding, warning, well, wrong } from "./finding.ts";

/** From here on a burst of jobs may fill the memory before somebody has looked. */
const memoryShareMax = 0.7;

/** Judges a Redis that is to hold the queue. */
export function judgeRedis(inspection: RedisInspection): readonly Finding[] {
  if (inspection.type === "unreachable") {
    return [
      wrong(
        "queue",
        "Redis does not answer.",
        "Check REDIS_URL, that the server runs, and the way to it; nothing that was accepted is lost.",
      ),
    ];
  }
  if (inspection.type === "refused") {
    return [
      wrong(
        "queue",
        `Redis refuses the user or the password of REDIS_URL, or does not let them use INFO (${inspection.code}).`,
        "Correct REDIS_URL, or give its user the right.",
      ),
    ];
  }
  return [
    well("queue", `Redis ${inspection.state.version ?? ""} answers.`.replace("  ", " "), { ...inspection.state }),
    ...judgeKeeping(inspection.state),
    ...judgeMemory(inspection.state),
  ];
}

function judgeKeeping({ policy, isAppendOnly }: RedisState): readonly Finding[] {
  return [
    ...(policy === null || policy === "noeviction"
      ? []
      : [
          wrong(
            "queue",
            `Redis may evict jobs (maxmemory-policy ${policy}).`,
            "Set maxmemory-policy to noeviction; workers refuse to start until then.",
          ),
        ]),
    ...(isAppendOnly === false
      ? [
          warning(
            "queue",
            "Redis does not write its commands down (appendonly no): a crash loses requests that are queued and not accepted yet.",
            "Set appendonly to yes, or let producers use HTTP or SQL, which accept at once.",
          ),
        ]
      : []),
  ];
}

function judgeMemory({ usedBytes, limitBytes }: RedisState): readonly Finding[] {
  if (usedBytes === null || limitBytes === null || usedBytes <= memoryShareMax * limitBytes) return [];
  const percent = Math.round((100 * usedBytes) / limitBytes);
  return [
    warning(
      "queue",
      `Redis uses ${percent} % of its memory; once it is full it takes no more jobs.`,
      "Raise maxmemory, or find out what else fills it; the check `jobs` tells how long our queue is.",
    ),
  ];
}
