import { afterEach, expect, it, onTestFinished } from "vitest";
import { queueNames } from "../../../src/queue/payloads.ts";
import { openQueue } from "../../../src/queue/queue-backend.ts";
import { describeOnBackends } from "../../support/backends.ts";
import { endWorkerProcesses, type WorkerProcess } from "../../support/worker-process.ts";
import { setUp } from "./set-up.ts";

afterEach(endWorkerProcesses);

/** What nobody may see in a browser. */
const planted = /hanako|花子|secret-word/i;

interface ShownJob {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
  readonly failedReason: string;
}

async function shown(worker: WorkerProcess, status: string): Promise<readonly ShownJob[]> {
  const answer = await worker.ask(`/queues/api/queues?activeQueue=operations&status=${status}&page=1&jobsPerPage=50`);
  expect(answer.status).toBe(200);
  const { queues } = (await answer.json()) as { queues: readonly { readonly jobs: readonly ShownJob[] }[] };
  return queues[0]?.jobs ?? [];
}

describeOnBackends("the queues in a browser", (type) => {
  it("are there when QUEUE_DASHBOARD is on: page, scripts and interface, for looking only", async () => {
    const world = await setUp(type);
    const worker = await world.worker({ env: { QUEUE_DASHBOARD: "true" } });

    const page = await worker.ask("/queues");
    const html = await page.text();
    expect(page.status).toBe(200);
    expect(html).toContain("<title>keiyaku</title>");
    expect(page.headers.get("content-security-policy")).toMatch(
      /default-src 'none'.*script-src 'self';.*frame-ancestors 'none'/,
    );
    expect((await worker.ask("/queues/")).status).toBe(200);
    const [, script] = /src="(static\/js\/main[^"]+)"/.exec(html) ?? [];
    expect((await worker.ask(`/queues/${script}`)).status).toBe(200);
    expect((await worker.ask("/queues/queue/operations")).status).toBe(200);
    const stats = await worker.ask("/queues/api/redis/stats");
    expect(await stats.json()).toMatchObject({ backend: type === "redis" ? "redis" : "postgres" });
    expect(await (await worker.ask("/queues/api/queues")).json()).toMatchObject({
      queues: queueNames.map((name) => ({ name, readOnlyMode: true })),
    });
    // Everything else of the port is as it was.
    expect((await worker.ask("/healthz")).status).toBe(200);
  });

  it("take no request that writes", async () => {
    const world = await setUp(type);
    const worker = await world.worker({ env: { QUEUE_DASHBOARD: "true" } });
    const { http } = await worker.logged(({ msg }) => msg === "the worker is ready");
    const queue = await openQueue(world.queue.backend, "operations", 5_000);
    onTestFinished(() => queue.close());
    const writes = [
      ["PUT", "/queues/pause"],
      ["PUT", "/queues/operations/pause"],
      ["PUT", "/queues/operations/empty"],
      ["PUT", "/queues/operations/obliterate"],
      ["PUT", "/queues/operations/concurrency"],
      ["PUT", "/queues/operations/clean/failed"],
      ["PUT", "/queues/operations/retry/failed"],
      ["PUT", "/queues/operations/promote"],
      ["PUT", "/queues/operations/1/retry"],
      ["PUT", "/queues/operations/1/clean"],
      ["PATCH", "/queues/operations/1/update-data"],
      ["POST", "/queues/operations/add"],
      ["DELETE", "/queues/operations"],
    ] as const;

    for (const [method, path] of writes) {
      const answer = await fetch(`http://127.0.0.1:${Number(http)}/queues/api${path}`, {
        method,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name: "request", data: {}, options: {}, concurrency: 1 }),
      });
      expect([method, path, answer.status]).toEqual([method, path, 405]);
    }
    expect(await queue.isPaused()).toBe(false);
  });

  it("show nothing that a producer wrote into a job", async () => {
    const world = await setUp(type);
    const queue = await openQueue(world.queue.backend, "operations", 5_000);
    onTestFinished(() => queue.close());
    // Nobody takes jobs from a queue that is paused.
    await queue.pause();
    const worker = await world.worker({ env: { QUEUE_DASHBOARD: "true" } });
    const request = { customer: { name: "山田 花子", email: "hanako@example.com" } };
    await queue.add("request", { v: 1, request }, { jobId: "hanako-example-com" });
    await queue.add("hanako@example.com", { request });
    const ours = await queue.add("request", { v: 1, request }, { deduplication: { id: "hanako" } });
    await ours.log("hanako called");
    const bell = await queue.add("attempt", { v: 1, operationId: "op-1", note: "secret-word" }, { delay: 3_600_000 });

    const waiting = await shown(worker, "paused");
    const all = [...waiting, ...(await shown(worker, "waiting"))];
    expect(all.map(({ name }) => name)).toEqual(expect.arrayContaining(["request", "(hidden)"]));
    expect(all.map(({ id }) => id)).toContain("(hidden)");
    expect(await shown(worker, "delayed")).toMatchObject([{ name: "attempt", data: { operationId: "op-1" } }]);
    const paths = [
      "/queues/api/queues",
      "/queues/api/queues?activeQueue=operations&status=latest&page=1&jobsPerPage=50",
      "/queues/api/queues?activeQueue=operations&status=waiting&page=1&jobsPerPage=50",
      "/queues/api/queues?activeQueue=operations&status=paused&page=1&jobsPerPage=50",
      `/queues/api/queues/operations/${ours.id}`,
      `/queues/api/queues/operations/${ours.id}/logs`,
      `/queues/api/queues/operations/${ours.id}/flow`,
      `/queues/api/queues/operations/${bell.id}`,
      "/queues/api/queues/operations/hanako-example-com",
      "/queues/api/queues/operations/workers",
      "/queues/api/queues/operations/default-job-options",
      "/queues/api/job-schedulers",
      "/queues/api/redis/stats",
      "/queues",
    ];
    for (const path of paths)
      expect([path, planted.test(await (await worker.ask(path)).text())]).toEqual([path, false]);
    expect((await worker.ask(`/queues/api/queues/operations/${ours.id}/logs`)).status).toBe(403);
  });

  it("are not there unless it is on", async () => {
    const world = await setUp(type);
    const worker = await world.worker();

    for (const path of ["/queues", "/queues/api/queues"]) expect((await worker.ask(path)).status).toBe(404);
  });
});
