import { connect } from "node:net";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { createHttpClient } from "../../../src/client.ts";
import { serviceToken } from "../../support/api.ts";
import { describeOnBackends } from "../../support/backends.ts";
import { eventually } from "../../support/eventually.ts";
import { endWorkerProcesses, type WorkerProcess } from "../../support/worker-process.ts";
import { setUp } from "./set-up.ts";

afterEach(endWorkerProcesses);

const env = { API_TOKENS: `service:shop=${serviceToken}` };
const confirm = (id: string, contractId: string) => ({ id, kind: "confirm_payment", contractId }) as const;

async function clientOf(worker: WorkerProcess) {
  return createHttpClient({ baseUrl: await worker.apiUrl(), token: serviceToken, timeoutMs: 20_000 });
}

/** What the line that says "ready" tells of. */
async function factsOf(worker: WorkerProcess) {
  return worker.logged(({ msg }) => msg === "the worker is ready");
}

describeOnBackends("the API", (type) => {
  it("starts with the workers where there are tokens, and its operations are carried out at once", async () => {
    const world = await setUp(type);
    await world.register("c-1");
    const worker = await world.worker({ env });
    const client = await clientOf(worker);

    const outcome = await client.requestAndWait(confirm("op-1", "c-1"), { waitMs: 60_000 });

    expect(outcome).toMatchObject({ state: "succeeded", operation: { actorType: "service", actorId: "shop" } });
    expect(await factsOf(worker)).toMatchObject({
      roles: ["operations", "catalog", "events", "notifications", "maintenance", "api"],
      api: expect.any(Number),
    });
    expect(JSON.stringify(worker.logs)).not.toContain(serviceToken);
  });

  it("serves in a process of its own, and workers in another hear of what it accepts", async () => {
    const world = await setUp(type);
    await world.register("c-1");
    const [api, worker] = await Promise.all([
      world.worker({ env, roles: ["api"] }),
      world.worker({ env, roles: ["operations"] }),
    ]);
    const client = await clientOf(api);

    const outcome = await client.requestAndWait(confirm("op-1", "c-1"), { waitMs: 60_000 });

    expect(outcome.state).toBe("succeeded");
    expect(await factsOf(api)).toMatchObject({ roles: ["api"] });
    const facts = await factsOf(worker);
    expect(facts).toMatchObject({ roles: ["operations"] });
    expect(facts).not.toHaveProperty("api");
  });
});

describe("the API alone", () => {
  it("needs no Redis: it accepts while that is down", async () => {
    const world = await setUp("postgres");
    const api = await world.worker({ env, roles: ["api"], redisUrl: "redis://127.0.0.1:1" });

    const { answer } = await (await clientOf(api)).request(confirm("op-1", "c-1"));

    expect(answer).toBe("accepted");
    expect((await api.ask("/readyz")).status).toBe(200);
  });

  it("does not start without tokens, and says which setting is missing", async () => {
    const world = await setUp("postgres");
    const api = world.startingWorker({ roles: ["api"] });

    expect(await api.ended()).toMatchObject({ code: 1 });
    expect(api.said()).toContain("API_TOKENS is not set");
  });

  it("stops on SIGTERM with whoever waits answered", async () => {
    const world = await setUp("postgres");
    const api = await world.worker({ env, roles: ["api"] });
    await (await clientOf(api)).request(confirm("op-1", "c-1"));
    const socket = connect(Number(new URL(await api.apiUrl()).port), "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    let said = "";
    socket.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    // The server says that it may be continued once it has heard it.
    socket.write(
      `GET /operations/op-1?wait=60 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${serviceToken}\r\nexpect: 100-continue\r\n\r\n`,
    );
    await eventually(() => said.startsWith("HTTP/1.1 100 "), { withinMs: 10_000, describe: "the request to be heard" });

    api.kill("SIGTERM");

    expect(await api.ended()).toEqual({ code: 0, signal: null });
    expect(said).toContain("HTTP/1.1 200 OK");
    expect(said).toContain('"state":"requested"');
  });
});

describe("a role that there is not", () => {
  it("is wrong usage", async () => {
    const world = await setUp("postgres");
    const worker = world.startingWorker({ roles: ["webhooks"] });

    expect(await worker.ended()).toMatchObject({ code: 2 });
    expect(worker.said()).toContain("operations, catalog, events, notifications, maintenance, relay, api");
  });
});
