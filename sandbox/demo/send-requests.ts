import type { Sql } from "postgres";
import { type Client, InvalidRequest, type TypedRequest } from "../../src/client.ts";
import type { PlannedRequest } from "./data/planned-request.ts";

/** A request that the client did not let through, with the field at fault. */
export interface RefusedByClient {
  readonly request: PlannedRequest;
  readonly field: string;
}

export interface Sent {
  readonly queued: readonly PlannedRequest[];
  readonly refused: readonly RefusedByClient[];
}

/** The client checks a whole batch before it queues any of it, and names the first at fault: small ones are checked less often. */
const batchSize = 100;

/** Queues requests in their order through the client. What the client refuses is left out and the rest goes on. */
export async function sendRequests(client: Client, requests: readonly PlannedRequest[]): Promise<Sent> {
  const queued: PlannedRequest[] = [];
  const refused: RefusedByClient[] = [];
  for (let first = 0; first < requests.length; first += batchSize) {
    const batch = requests.slice(first, first + batchSize);
    for (;;) {
      try {
        // They come from a file: whether they are requests at all is what the client is asked.
        await client.requestMany(batch as unknown as readonly TypedRequest[]);
        break;
      } catch (error) {
        if (!(error instanceof InvalidRequest)) throw error;
        refused.push(...batch.splice(error.index, 1).map((request) => ({ request, field: error.field })));
      }
    }
    queued.push(...batch);
  }
  return { queued, refused };
}

/** What the ledger said to a request that came by SQL. */
export interface DoorAnswer {
  readonly answer: "accepted" | "duplicate" | "invalid_request" | "id_reused";
}

/**
 * Brings to the ledger what the client refused, by its SQL function: as a program in another language would, which has no
 * client to correct it. Returns the requests that were accepted all the same; their parameters are judged later.
 */
export async function sendBySql(sql: Sql, refused: readonly RefusedByClient[]): Promise<readonly PlannedRequest[]> {
  const accepted: PlannedRequest[] = [];
  for (const { request } of refused) {
    const [row] = await sql<{ reply: DoorAnswer }[]>`
      select keiyaku.request(${JSON.stringify(request)}::text::jsonb) as reply`;
    if (row?.reply.answer === "accepted") accepted.push(request);
  }
  return accepted;
}
