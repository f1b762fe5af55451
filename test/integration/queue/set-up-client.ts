import { onTestFinished } from "vitest";
import { type Client, type ClientOptions, createClient, type TypedRequest } from "../../../src/client.ts";
import type { QueueName } from "../../../src/queue/payloads.ts";
import { type BackendType, createTestQueue, type TestQueue } from "../../support/backends.ts";
import { createTestStore } from "../../support/test-database.ts";

export const actor = { type: "operator", id: "alice" } as const;

/** The request that these tests send; what it asks for does not matter to them. */
export function suspend(id: string): TypedRequest<"suspend"> {
  return { id, kind: "suspend", contractId: "c-1", actor };
}

/** A queue of the test's own, and a way to clients of it that end with the test. */
export async function setUpQueue(type: BackendType) {
  return (await setUpStoreAndQueue(type)).queue;
}

/** The same with the database beside it. */
export async function setUpStoreAndQueue(type: BackendType, name: QueueName = "operations") {
  const store = await createTestStore();
  onTestFinished(() => store.close());
  const queue = await createTestQueue(type, store, name);
  onTestFinished(() => queue.close());
  return { store, queue };
}

/** A client that ends with the test. It has ten seconds, enough for a crowded machine, unless told otherwise. */
export function clientOf(options: ClientOptions): Client {
  const client = createClient({ timeoutMs: 10_000, ...options });
  onTestFinished(() => client.close());
  return client;
}

/** The ids of the requests that wait, in their order. */
export async function idsIn({ foreign }: TestQueue): Promise<readonly string[]> {
  const jobs = await foreign.getJobs(["waiting"], 0, -1, true);
  return jobs.map(({ data }) => data.request.id);
}

/** How long a promise took to be rejected, and with what. */
export async function rejectionOf(promise: Promise<unknown>) {
  const began = performance.now();
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { error, tookMs: performance.now() - began };
}
