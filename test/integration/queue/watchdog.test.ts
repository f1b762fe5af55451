import type { Job, Worker } from "bullmq";
import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { closeQueue, openQueue, type QueueBackend } from "../../../src/queue/queue-backend.ts";
import { type SupervisedWorkerOptions, startSupervisedWorker } from "../../../src/queue/supervised-worker.ts";
import { type BackendType, createTestQueue, describeOnBackend, describeOnBackends } from "../../support/backends.ts";
import { eventually } from "../../support/eventually.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";
import { createTestStore, silentLog } from "../../support/test-database.ts";
import { startForgetfulProxy } from "./forgetful-proxy.ts";

/** Short, so that a deaf worker is found soon; longer than a worker takes to pick up a job on a crowded machine. */
const deafAfterMs = 1_500;

/** A rebuild may meet an outage that has just ended; a queue's connection needs seconds to give up a silent server. */
const rebuiltWithinMs = 15_000;

async function setup(type: BackendType) {
  const store = await createTestStore();
  onTestFinished(() => store.close());
  const home = await createTestQueue(type, store);
  onTestFinished(() => home.close());
  const done: string[] = [];
  const built: Worker[] = [];

  return {
    home,
    done,
    built,
    start: async (options: Partial<SupervisedWorkerOptions> = {}, queueBackend = options.backend ?? home.backend) => {
      const queue = await openQueue(queueBackend, "operations", 5_000);
      onTestFinished(() => closeQueue(queue, 1_000));
      const worker = startSupervisedWorker({
        backend: home.backend,
        name: "operations",
        processor: async ({ name }: Job) => void done.push(name),
        concurrency: 2,
        queue,
        log: silentLog,
        clock: systemClock,
        deafAfterMs,
        onBuilt: (one) => void built.push(one),
        ...options,
      });
      onTestFinished(() => worker.close(0));
      return worker;
    },
    /** Adds jobs and resolves when each was processed. */
    process: async (...names: readonly string[]) => {
      for (const name of names) await home.foreign.add(name, {});
      const areDone = () => names.every((name) => done.includes(name));
      await eventually(areDone, { withinMs: rebuiltWithinMs, describe: `jobs ${names.join(", ")} to be processed` });
    },
  };
}

/** Something that a job waits for until the test opens it. */
function createGate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** The queue's server at another port of this machine. */
function atPort(backend: QueueBackend, port: number): QueueBackend {
  return backend.type === "redis"
    ? { type: "redis", url: `redis://127.0.0.1:${port}` }
    : { type: "postgres", address: { ...backend.address, host: "127.0.0.1", port } };
}

function targetOf(backend: QueueBackend): { host: string; port: number } {
  if (backend.type === "postgres") return { host: backend.address.host, port: backend.address.port };
  return { host: "127.0.0.1", port: Number(new URL(backend.url).port) };
}

describeOnBackends("a worker with a watchdog", (type) => {
  it("is built once and left alone while it hears", async () => {
    const { start, process, built, done } = await setup(type);
    await start();

    await process("first");
    // Idle for longer than a deaf one would be suffered.
    await expect(eventually(() => built.length > 1, { withinMs: 2 * deafAfterMs })).rejects.toThrow("Waited");
    await process("second");

    expect(built).toHaveLength(1);
    expect(done).toEqual(["first", "second"]);
  });

  it("is left alone while it is at work, however much waits", async () => {
    const { start, home, built, done } = await setup(type);
    const gate = createGate();
    const processor = async ({ name }: Job) => {
      await gate.opened;
      done.push(name);
    };
    await start({ processor, concurrency: 1 });
    for (const name of ["first", "second"]) await home.foreign.add(name, {});

    await expect(eventually(() => built.length > 1, { withinMs: 2 * deafAfterMs })).rejects.toThrow("Waited");
    gate.open();

    await eventually(() => done.length === 2, { withinMs: 5_000 });
    expect(done).toEqual(["first", "second"]);
  });

  it.each([
    ["takes no jobs any more", (worker: Worker) => worker.pause()],
    ["was closed by somebody", (worker: Worker) => worker.close()],
  ])("is replaced when it %s", async (_, deafen) => {
    const { start, process, built } = await setup(type);
    await start();
    await process("before");
    for (const worker of built) await deafen(worker);

    await process("after");
    expect(built).toHaveLength(2);
  });

  it("is replaced when all that waits has a priority", async () => {
    const { start, home, built, done } = await setup(type);
    await start();
    for (const worker of built) await worker.pause();

    await home.foreign.add("urgent", {}, { priority: 1 });

    await eventually(() => done.includes("urgent"), { withinMs: rebuiltWithinMs, describe: "the urgent job" });
    expect(built).toHaveLength(2);
  });

  it("is replaced when its connections have died without a word", async () => {
    const { start, process, home, built, done } = await setup(type);
    const path = await startForgetfulProxy(targetOf(home.backend));
    // A fetch that is on its way while the connections die may still take a job, whose lock then outlives this test: so
    // they die when the worker has found nothing more to fetch.
    const idle = createGate();
    const onBuilt = (worker: Worker) => {
      built.push(worker);
      worker.on("drained", () => done.includes("before") && idle.open());
    };
    await start({ backend: atPort(home.backend, path.port), concurrency: 1, onBuilt });
    await process("before");
    await idle.opened;
    path.forgetConnections();

    await process("after");
    expect(built.length).toBeGreaterThan(1);
  });

  it("works once its server is there, although it was built while it was away", async () => {
    const { start, process, home } = await setup(type);
    const proxy = await startTcpProxy(targetOf(home.backend));
    onTestFinished(() => proxy.stop());
    await proxy.setMode("refuse");
    await start({ backend: atPort(home.backend, proxy.port) }, home.backend);
    await home.foreign.add("early", {});
    await proxy.setMode("pass");

    await process("late");
  });
});

describeOnBackends("closing a worker", (type) => {
  it("waits for the jobs at work", async () => {
    const { start, home, done } = await setup(type);
    const gate = createGate();
    const begun: string[] = [];
    const processor = async ({ name }: Job) => {
      begun.push(name);
      await gate.opened;
      done.push(name);
    };
    // One at a time: a second one might be on its way to it when the close begins, and would be waited for, too.
    const worker = await start({ processor, concurrency: 1 });
    await home.foreign.add("at-work", {});
    await eventually(() => begun.length === 1, { withinMs: 5_000 });

    const closed = worker.close(10_000);
    await home.foreign.add("too-late", {});
    gate.open();
    await closed;

    expect(done).toEqual(["at-work"]);
    expect(await home.counts()).toMatchObject({ waiting: 1, active: 0, failed: 0 });
  });

  it("tells the jobs at work to give up when the deadline is over, and does not wait for those that do not", async () => {
    const { start, home } = await setup(type);
    const gate = createGate();
    const signals: AbortSignal[] = [];
    const processor = async (_job: Job, _token: string | undefined, signal: AbortSignal | undefined) => {
      if (signal !== undefined) signals.push(signal);
      await gate.opened;
    };
    const worker = await start({ processor });
    await home.foreign.add("stubborn", {});
    await eventually(() => signals.length === 1, { withinMs: 5_000 });
    expect(signals[0]?.aborted).toBe(false);

    const began = performance.now();
    await worker.close(200);

    expect(signals[0]?.aborted).toBe(true);
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(await home.counts()).toMatchObject({ active: 1, failed: 0 });
    gate.open();
  });
});

describeOnBackend("a job whose lock was lost", "postgres", (type) => {
  it("is told to give up, since another worker will take it", async () => {
    const { start, home, built } = await setup(type);
    const signals: AbortSignal[] = [];
    const processor = (job: Job, _token: string | undefined, signal: AbortSignal | undefined) =>
      new Promise<void>((resolve) => {
        if (signal === undefined) throw new Error("no signal");
        signals.push(signal);
        signal.addEventListener("abort", () => resolve());
        built[0]?.emit("lockRenewalFailed", [String(job.id)]);
      });
    await start({ processor });
    await home.foreign.add("job", {});

    await eventually(() => signals[0]?.aborted, { withinMs: 5_000, describe: "the job to be told" });
  });
});

describe("the log of a worker whose connection fails", () => {
  it("has one line a second, with how many there were", async () => {
    const { start, built } = await setup("postgres");
    const lines: Record<string, unknown>[] = [];
    const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    let nowMs = 10_000;
    const clock: Clock = { ...systemClock, monotonicMs: () => nowMs };
    await start({ log, clock });
    const fail = () => built[0]?.emit("error", Object.assign(new Error("secret"), { code: "ECONNREFUSED" }));

    for (let times = 0; times < 4_000; times += 1) fail();
    nowMs += 1_000;
    fail();

    expect(lines).toMatchObject([
      { msg: "the queue's connection failed", code: "ECONNREFUSED", silenced: 0 },
      { msg: "the queue's connection failed", code: "ECONNREFUSED", silenced: 3_999 },
    ]);
    expect(JSON.stringify(lines)).not.toContain("secret");
  });
});
