import { afterEach, expect, it } from "vitest";
import { describeOnBackends } from "../../support/backends.ts";
import { customerPut, productPut } from "../../support/catalog.ts";
import { eventually } from "../../support/eventually.ts";
import { endWorkerProcesses } from "../../support/worker-process.ts";
import { setUp } from "./set-up.ts";

afterEach(() => endWorkerProcesses());

describeOnBackends("a started worker", (type) => {
  it("serves the queue catalog beside the operations, and logs no personal data", async () => {
    const world = await setUp(type);
    const client = world.client();
    await client.putProduct(productPut({ version: 2, automaticTerminationMonth: "2027-03" }));
    await client.putCustomer(customerPut());

    const worker = await world.worker();
    await eventually(
      async () => {
        const [row] = await world.sql`select (select count(*)::int from keiyaku.products) as products,
          (select count(*)::int from keiyaku.customers) as customers`;
        return row?.products === 1 && row?.customers === 1;
      },
      { withinMs: 20_000, describe: "the product and the customer to be in the catalog" },
    );

    worker.kill("SIGTERM");
    expect(await worker.ended()).toMatchObject({ code: 0 });
    expect(JSON.stringify(worker.logs)).not.toMatch(/hanako|花子/);
  });
});
