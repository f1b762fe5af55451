import { afterEach, describe, expect, it } from "vitest";
import { describeOnBackends } from "../../support/backends.ts";
import { monthlyByCard } from "../../support/card-contracts.ts";
import { eventually } from "../../support/eventually.ts";
import { endWorkerProcesses, type WorkerProcess } from "../../support/worker-process.ts";
import { proxyDatabase, requestOf, setUp } from "./set-up.ts";

afterEach(endWorkerProcesses);

/** Resolves with the metrics of a worker once they have all these lines. */
async function scraped(worker: WorkerProcess, ...lines: readonly (string | RegExp)[]): Promise<string> {
  let text = "";
  const has = (line: string | RegExp) => (typeof line === "string" ? text.split("\n").includes(line) : line.test(text));
  const hasAll = async () => {
    text = await (await worker.ask("/metrics")).text();
    return lines.every(has);
  };
  await eventually(hasAll, { withinMs: 30_000, everyMs: 200, describe: "its metrics" }).catch((error: Error) => {
    const missing = lines.filter((line) => !has(line)).map(String);
    throw new Error(
      `${error.message}; missing: ${missing.join(", ")}\n${text.match(/^keiyaku_(?!\w+_bucket).*$/gm)?.join("\n")}`,
      { cause: error },
    );
  });
  return text;
}

describeOnBackends("a worker's metrics", (type) => {
  it("count what it accepted, attempted and concluded, what it asked of Stripe, and what is open", async () => {
    const world = await setUp(type);
    const { contractId } = await monthlyByCard(world, { suspended: true });
    const worker = await world.worker();
    await world
      .client()
      .requestMany([
        requestOf("op-done", "terminate", contractId),
        requestOf("op-refused", "terminate", "nobody"),
        requestOf("op-done", "terminate", contractId),
      ]);
    await world.concluded(["op-done", "op-refused"]);

    const text = await scraped(
      worker,
      'keiyaku_operations_accepted_total{door="queue",kind="terminate"} 2',
      'keiyaku_operations_admitted_total{kind="terminate"} 2',
      'keiyaku_operations_concluded_total{kind="terminate",outcome="succeeded"} 1',
      'keiyaku_operations_concluded_total{kind="terminate",outcome="rejected"} 1',
      'keiyaku_operation_seconds_count{kind="terminate",outcome="succeeded"} 1',
      /^keiyaku_stripe_calls_total\{verb="\w+",result="done"\} [1-9]/m,
      /^keiyaku_stripe_call_seconds_count\{verb="\w+"\} [1-9]/m,
      /^keiyaku_attempt_seconds_count\{report="succeeded"\} [1-9]/m,
      'keiyaku_sweeps_total{result="done"} 1',
      "keiyaku_operations_held 0",
      "keiyaku_refunds_owed 0",
      'keiyaku_open_operations{state="requested"} 0',
      'keiyaku_queue_jobs{queue="operations",state="waiting"} 0',
      /^keiyaku_build_info\{version="[\d.]+",node="v\d+[\d.]*"\} 1$/m,
      /^process_resident_memory_bytes \d/m,
      'keiyaku_scrape_errors_total{source="database"} 0',
    );
    expect((await worker.ask("/metrics")).headers.get("content-type")).toContain("text/plain; version=0.0.4");
    expect(text).not.toMatch(/op-done|op-refused|hanako|alice|sub_|monthly-/);
  });
});

it("count each operation once when its turn comes, whatever its door and however often it is attempted", async () => {
  const world = await setUp("postgres");
  const { contractId } = await monthlyByCard(world, { suspended: true });
  await world.stripe.control.fault({ mode: "rate_limit_429", method: "DELETE", path: "/v1/subscriptions/**" });
  const [row] = await world.sql`select keiyaku.request(${world.sql.json({
    id: "op-sql",
    kind: "terminate",
    contractId,
    actor: { type: "operator", id: "alice" },
  })}) as answer`;
  expect(row?.answer).toMatchObject({ answer: "accepted" });
  const worker = await world.worker();
  await world.concluded(["op-sql"]);

  const text = await scraped(worker, 'keiyaku_operations_admitted_total{kind="terminate"} 1');
  expect(text).toMatch(/^keiyaku_attempts_total\{report="(retry|deferred)"\} [1-9]/m);
});

it("count what the HTTP door accepts and refuses", async () => {
  const world = await setUp("postgres");
  await world.register("c-1");
  const token = "metrics-test-token-of-32-characters";
  const worker = await world.worker({ env: { API_TOKENS: `operator:alice=${token}`, API_PORT: "0" } });
  const { api } = await worker.logged(({ msg }) => msg === "the worker is ready");
  const post = (request: object) =>
    fetch(`http://127.0.0.1:${Number(api)}/operations`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(request),
    });
  expect((await post({ id: "op-http", kind: "confirm_payment", contractId: "c-1" })).status).toBe(201);
  expect((await post({ id: "op-http", kind: "suspend", contractId: "c-1" })).ok).toBe(false);

  await scraped(
    worker,
    'keiyaku_operations_accepted_total{door="http",kind="confirm_payment"} 1',
    'keiyaku_requests_total{door="http",answer="id_reused"} 1',
  );
});

describe("a worker's metrics in an outage", () => {
  it("tell a wrong key by its result, and the operations that it puts off", async () => {
    const world = await setUp("postgres");
    const { contractId } = await monthlyByCard(world, { suspended: true });
    const worker = await world.worker();
    await world.stripe.control.setAcceptedKey("sk_test_ofsomebodyelse");
    await world.client().request(requestOf("op-1", "terminate", contractId));

    await scraped(
      worker,
      /^keiyaku_stripe_calls_total\{verb="\w+",result="unauthorized"\} [1-9]/m,
      /^keiyaku_operations_deferred_total\{reason="unauthorized"\} [1-9]/m,
      'keiyaku_open_operations{state="requested"} 1',
      /^keiyaku_oldest_open_operation_seconds [\d.]+$/m,
    );
  });

  it("are answered without the ledger's gauges while the database is away, and say that they are left out", async () => {
    const world = await setUp("postgres");
    const { proxy, databaseUrl } = await proxyDatabase(world);
    const worker = await world.worker({ databaseUrl });
    await scraped(worker, "keiyaku_operations_held 0");
    await proxy.setMode("refuse");
    proxy.cutAll();

    const text = await scraped(worker, /^keiyaku_scrape_errors_total\{source="database"\} [1-9]/m);
    expect(text).not.toMatch(/^keiyaku_operations_held /m);
    await proxy.setMode("pass");
    await scraped(worker, "keiyaku_operations_held 0");
  });
});
