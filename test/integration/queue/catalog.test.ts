import { expect, it, onTestFinished } from "vitest";
import { InvalidRequest, type ProductToPut } from "../../../src/client.ts";
import { systemClock } from "../../../src/clock.ts";
import { closeQueue, openQueue } from "../../../src/queue/queue-backend.ts";
import { startSupervisedWorker } from "../../../src/queue/supervised-worker.ts";
import { putProduct } from "../../../src/store/put-catalog.ts";
import { readCustomer, readProduct } from "../../../src/store/read-catalog.ts";
import { createCatalogProcessor } from "../../../workers/catalog.ts";
import { type BackendType, describeOnBackends } from "../../support/backends.ts";
import { customerPut, productPut } from "../../support/catalog.ts";
import { eventually } from "../../support/eventually.ts";
import { silentLog } from "../../support/test-database.ts";
import { clientOf, rejectionOf, setUpStoreAndQueue } from "./set-up-client.ts";

async function setUp(type: BackendType) {
  const { store, queue } = await setUpStoreAndQueue(type, "catalog");
  const client = clientOf(queue.clientOptions);
  /** Starts a worker on the queue, as `keiyaku start` does; it ends with the test. */
  const work = async () => {
    const opened = await openQueue(queue.backend, "catalog", 10_000);
    const stopping = new AbortController();
    const worker = startSupervisedWorker({
      backend: queue.backend,
      name: "catalog",
      processor: createCatalogProcessor({
        db: store.db,
        clock: systemClock,
        log: silentLog,
        stopping: stopping.signal,
      }),
      concurrency: 4,
      queue: opened,
      log: silentLog,
      clock: systemClock,
    });
    onTestFinished(async () => {
      stopping.abort();
      await worker.close(5_000);
      await closeQueue(opened, 1_000);
    });
  };
  const emptied = () =>
    eventually(async () => Object.values(await queue.counts()).every((count) => count === 0), {
      withinMs: 20_000,
      describe: "a queue without jobs, finished ones included",
    });
  const refusals = () =>
    store.sql`select request_id, code, field, content, times from keiyaku.refused_requests order by id`;
  return { store, queue, client, work, emptied, refusals };
}

describeOnBackends("the queue catalog", (type) => {
  it("brings products and customers into the catalog, each in its greatest version, whatever order they come in", async () => {
    const { store, client, work, emptied, queue } = await setUp(type);
    expect(await client.putProduct(productPut({ version: 3, automaticTerminationMonth: "2027-03" }))).toEqual({
      id: "magazine",
      version: 3,
      queued: true,
    });
    await client.putProduct(productPut({ version: 2 }));
    await client.putCustomer(customerPut({ version: 2, email: "new@example.com" }));
    await client.putCustomer(customerPut({ version: 1, email: "old@example.com" }));
    expect(await queue.counts()).toMatchObject({ waiting: 4 });

    await work();
    await emptied();

    expect(await readProduct(store.db, "magazine")).toMatchObject({ version: 3, automaticTerminationMonth: "2027-03" });
    expect(await readCustomer(store.db, "customer-1", { withPersonalData: true })).toMatchObject({
      version: 2,
      email: "new@example.com",
    });
  });

  it("holds the same put once while it waits, and nothing of a customer once it is done", async () => {
    const { queue, client, work, emptied } = await setUp(type);
    await client.putCustomer(customerPut());
    await client.putCustomer(customerPut());
    expect(await queue.counts()).toMatchObject({ waiting: 1 });
    expect(await queue.contents()).toContain("hanako@example.com");

    await work();
    await emptied();

    expect(await queue.contents()).not.toMatch(/hanako|花子/);
  });

  it("writes down what cannot be read, and what can never be written, and tries neither again", async () => {
    const { store, queue, client, work, emptied, refusals } = await setUp(type);
    await putProduct(store.db, productPut());
    await client.putProduct(productPut({ version: 2, kind: "one_time" }));
    // Written by somebody without our code, with whatever options they like.
    const foreign = { attempts: 3, removeOnComplete: true };
    await queue.foreign.add("customer", { v: 1, customer: { ...customerPut(), version: 0 } }, foreign);
    await queue.foreign.add("customer", { v: 1, customer: customerPut({ id: "customer-2" }) });

    await work();
    await emptied();

    const rows = await refusals();
    expect(
      rows.map(({ request_id, code, field, times }) => `${request_id} ${code} ${field} ${times}`).toSorted(),
    ).toEqual(["customer-1 invalid_request version 1", "magazine invalid_request kind 1"]);
    expect(JSON.stringify(rows)).not.toMatch(/hanako|花子/);
    expect(await readProduct(store.db, "magazine")).toMatchObject({ kind: "monthly", version: 1 });
    expect(await readCustomer(store.db, "customer-2", { withPersonalData: false })).toMatchObject({ version: 1 });
    expect(await queue.contents()).not.toMatch(/hanako|花子/);
  });

  it("keeps nothing of a customer whose job has failed for good", async () => {
    const { store, queue, work, emptied } = await setUp(type);
    // What nobody expected: the row of a put has no version.
    await store.db.close(1_000);
    Object.assign(store.db, { run: () => Promise.reject(new TypeError("unexpected")) });
    await queue.foreign.add("customer", { v: 1, customer: customerPut() }, { attempts: 1 });

    await work();
    await emptied();

    expect(await queue.contents()).not.toMatch(/hanako|花子/);
  });

  it("is not reached by a put that no worker would accept: the client names the field", async () => {
    const { queue, client } = await setUp(type);
    const wrong = { ...productPut(), automaticTerminationMonth: "2026-13" } as ProductToPut;

    const { error } = await rejectionOf(client.putProduct(wrong));

    expect(error).toBeInstanceOf(InvalidRequest);
    expect(error).toMatchObject({ field: "automaticTerminationMonth" });
    expect(await queue.counts()).toMatchObject({ waiting: 0 });
  });
});
