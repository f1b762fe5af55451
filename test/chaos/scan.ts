import { Redis } from "ioredis";
import { readRedisKey } from "../support/read-redis-key.ts";
import type { Verdict } from "./judge/evidence.ts";

/** A place where no canary may be found, and everything that stands there. */
export interface Place {
  readonly name: string;
  readonly text: string;
}

/** Looks for every canary in every place. One leak is told once for each place, with what stands around it. */
export function scan(places: readonly Place[], canaries: Readonly<Record<string, string>>): Verdict {
  const violations: string[] = [];
  for (const { name, text } of places) {
    for (const [what, canary] of Object.entries(canaries)) {
      const at = text.indexOf(canary);
      if (at !== -1)
        violations.push(`${what} is in ${name}: …${text.slice(Math.max(0, at - 80), at + canary.length + 40)}…`);
    }
  }
  return { checked: places.length * Object.keys(canaries).length, violations };
}

/** Everything that a Redis holds, of whatever kind, as one text. */
export async function readRedis(url: string): Promise<string> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 1 });
  redis.on("error", () => undefined);
  await redis.connect();
  try {
    const keys = await redis.keys("*");
    return (await Promise.all(keys.map(async (key) => `${key} ${(await readRedisKey(redis, key)) ?? ""}`))).join("\n");
  } finally {
    redis.disconnect();
  }
}

/** Everything that a queue on PostgreSQL holds, as one text. */
export async function readQueueTables(sql: {
  unsafe(statement: string): PromiseLike<readonly Record<string, unknown>[]>;
}): Promise<string> {
  const tables = await sql.unsafe(
    "select table_name as name from information_schema.tables where table_schema = 'bullmq' and table_type = 'BASE TABLE'",
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const rows = await sql.unsafe(`select to_jsonb(t)::text as row from bullmq."${String(name)}" t`);
    texts.push(`${String(name)} ${rows.map(({ row }) => String(row)).join("\n")}`);
  }
  return texts.join("\n");
}
