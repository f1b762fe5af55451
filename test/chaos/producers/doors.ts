import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { ProductToPut, TypedRequest } from "../../../src/client.ts";
import { type Client, createClient } from "../../../src/client.ts";
import { apiToken, stripeKey } from "../canaries.ts";
import type { Crew } from "../crew.ts";
import type { Servers } from "../servers.ts";
import type { Door, Request } from "./story.ts";

/** What a door said: `queued` is less than accepted, and `lost` leaves open whether the request has arrived. */
export type Answer = "accepted" | "duplicate" | "id_reused" | "invalid_request" | "queued" | "lost";

export interface Doors {
  send(door: Door, request: Request): Promise<Answer>;
  /** Puts a product by the queue; false when the queue did not take it. */
  putProduct(product: Readonly<Record<string, unknown>>): Promise<boolean>;
  /** What the HTTP API says of an operation; undefined when it says nothing. */
  ask(operationId: string): Promise<string | undefined>;
  close(): Promise<void>;
}

const program = join(import.meta.dirname, "..", "..", "..", "dist", "src", "cli.js");

/** A caller that has waited so long has given up, whatever has become of the request. */
const patienceMs = 5_000;

export function openDoors({ databaseUrl, sql, redis }: Servers, crew: Pick<Crew, "workers">): Doors {
  const redisUrl = redis === undefined ? undefined : `redis://127.0.0.1:${redis.port}`;
  const client: Client = createClient(redisUrl === undefined ? { databaseUrl } : { redisUrl });
  let asked = 0;
  const api = () => crew.workers[asked++ % crew.workers.length]?.apiUrl ?? "";
  const headers = { authorization: `Bearer ${apiToken}`, "content-type": "application/json" };

  const ways: Record<Door, (request: Request) => Promise<Answer>> = {
    async queue(request) {
      await client.request(request as TypedRequest);
      return "queued";
    },
    async sql(request) {
      const [row] = await sql<{ answer: Answer }[]>`
        select keiyaku.request(${sql.json(request as never)}) ->> 'answer' as answer`;
      return row?.answer ?? "lost";
    },
    async http({ id, kind, contractId, params, reason }) {
      const reply = await fetch(`${api()}/operations`, {
        method: "POST",
        headers,
        // The token says who asks.
        body: JSON.stringify({ id, kind, contractId, params, reason }),
        signal: AbortSignal.timeout(patienceMs),
      });
      if (reply.status === 201) return "accepted";
      if (reply.status === 200) return "duplicate";
      const { code } = (await reply.json()) as { code?: string };
      return code === "id_reused" || code === "invalid_request" ? code : "lost";
    },
    async command_line({ id, kind, contractId, actor, params = {}, reason = "" }) {
      const options = [
        "--id",
        id,
        "--actor",
        `${actor.type}:${actor.id}`,
        "--params",
        JSON.stringify(params),
        "--json",
      ];
      const child = spawn(process.execPath, [program, "request", kind, contractId, ...options, "--reason", reason], {
        env: {
          PATH: process.env.PATH,
          NODE_ENV: "test",
          DATABASE_URL: databaseUrl,
          STRIPE_SECRET_KEY: stripeKey,
          ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
        },
        stdio: ["ignore", "pipe", "ignore"],
        timeout: 4 * patienceMs,
      });
      let said = "";
      child.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString();
      });
      await once(child, "close");
      const { answer } = JSON.parse(said) as { answer?: Answer };
      return answer ?? "lost";
    },
  };

  return {
    async send(door, request) {
      // The token of the API speaks for one operator only.
      const open = door === "http" && request.actor.type !== "operator" ? "sql" : door;
      try {
        return await withPatience(ways[open](request), door === "command_line" ? 5 * patienceMs : patienceMs);
      } catch {
        return "lost";
      }
    },
    async putProduct(product) {
      return client.putProduct(product as unknown as ProductToPut).then(
        () => true,
        () => false,
      );
    },
    async ask(operationId) {
      try {
        const reply = await fetch(`${api()}/operations/${operationId}`, {
          headers,
          signal: AbortSignal.timeout(patienceMs),
        });
        if (!reply.ok) return undefined;
        return ((await reply.json()) as { state?: string }).state;
      } catch {
        return undefined;
      }
    },
    close: () => client.close(),
  };
}

async function withPatience<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the caller gave up")), ms);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}
