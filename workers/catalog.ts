import type { Job, Processor } from "bullmq";
import type { Logger } from "pino";
import type { Clock } from "../src/clock.ts";
import type { CatalogPut } from "../src/queue/payloads.ts";
import { readCatalogPayload, refusedPut } from "../src/queue/read-catalog-payload.ts";
import { refuseUnreadable } from "../src/store/accept-request.ts";
import type { Database } from "../src/store/database.ts";
import { type PutAnswer, putCustomer, putProduct } from "../src/store/put-catalog.ts";
import type { Unreadable } from "../src/store/unreadable.ts";
import { isAboutContent, writeInHand } from "./in-hand.ts";

/** What the jobs of the queue `catalog` need from outside. */
export interface CatalogDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborted when the process is to stop: a job in hand goes back into the queue. */
  readonly stopping: AbortSignal;
}

/** What a job leaves behind: our words and a number, never anything of what it carried. */
export interface CatalogJobAnswer {
  readonly answer: PutAnswer["answer"];
  readonly version?: number;
}

/**
 * Takes the jobs of the queue `catalog`: each puts one product or customer. Late and repeated ones end in success and
 * change nothing, so that jobs may come in any order and more than once.
 *
 * What can never be written ends in success too, as a row of `refused_requests`, and is never tried again; only what
 * could not be written down yet stays in the queue.
 */
export function createCatalogProcessor(deps: CatalogDeps): Processor<unknown, CatalogJobAnswer> {
  return (job, token) => writeInHand(deps, job, token, () => take(deps, job));
}

async function take(deps: CatalogDeps, { name, data }: Job<unknown>): Promise<CatalogJobAnswer> {
  const read = readCatalogPayload(name, data);
  if (read.type === "unreadable") return refuse(deps, read.unreadable);
  const answer = await put(deps.db, read.put).catch((error: unknown): PutAnswer => {
    if (!isAboutContent(error)) throw error;
    return { answer: "invalid_request", field: read.put.type, problem: `cannot be stored (${error.code})` };
  });
  if (answer.answer === "invalid_request") return refuse(deps, refusedPut(data, answer.field, answer.problem));
  return answer;
}

function put(db: Database, entry: CatalogPut): Promise<PutAnswer> {
  return entry.type === "product" ? putProduct(db, entry.product) : putCustomer(db, entry.customer);
}

async function refuse({ db, log }: CatalogDeps, refused: Unreadable): Promise<CatalogJobAnswer> {
  await refuseUnreadable(db, refused);
  log.warn({ answer: "invalid_request", field: refused.field }, "a put was refused");
  return { answer: "invalid_request" };
}
