import { Redis } from "ioredis";
import type { Servers } from "./servers.ts";

/** The queue loses everything that it holds, wherever it lives. */
export async function wipeQueue({ redis, sql }: Pick<Servers, "redis" | "sql">): Promise<void> {
  if (redis === undefined) {
    await sql`truncate bullmq.job, bullmq.event, bullmq.meta cascade`;
    return;
  }
  const client = new Redis({ port: redis.port, host: "127.0.0.1", lazyConnect: true, maxRetriesPerRequest: 0 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.flushall();
  } finally {
    client.disconnect();
  }
}
