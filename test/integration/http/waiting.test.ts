import { once } from "node:events";
import { connect } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../../src/clock.ts";
import type { ApiServerOptions } from "../../../src/http/api-server.ts";
import { operatorToken, setUpApi } from "../../support/api.ts";
import { eventually } from "../../support/eventually.ts";

const suspend = { id: "op-1", kind: "suspend", contractId: "c-1" } as const;

/** A wait that is no answer in time, on however crowded a machine: whoever is answered was answered early. */
const long = 60;
const wellBeforeMs = 20_000;

/** An API whose readings of the operation are counted, with an open operation. */
async function setUpWaiting(options: Partial<ApiServerOptions> = {}) {
  const waits: AbortSignal[] = [];
  const clock: Clock = {
    ...systemClock,
    sleep(ms, signal) {
      if (signal !== undefined) waits.push(signal);
      return systemClock.sleep(ms, signal);
    },
  };
  const api = await setUpApi({ clock, ...options });
  await api.ask("/operations", { method: "POST", body: suspend });
  let readings = 0;
  const { db } = api.bench;
  const run = db.run.bind(db);
  db.run = ((name: string, ...rest: Parameters<typeof run> extends [string, ...infer Rest] ? Rest : never) => {
    if (name === "read_operation_summary") readings += 1;
    return run(name, ...rest);
  }) as typeof db.run;
  const untilRead = (times: number) =>
    eventually(() => readings >= times, { withinMs: 10_000, describe: `${times} readings` });
  return { ...api, waits, untilRead, readings: () => readings };
}

async function timed<T>(work: Promise<T>): Promise<T & { tookMs: number }> {
  const began = performance.now();
  const result = await work;
  return { ...result, tookMs: performance.now() - began };
}

describe("waiting for an operation", () => {
  it("answers as soon as it is final", async () => {
    const { ask, bench, untilRead } = await setUpWaiting();
    const waiting = timed(ask(`/operations/op-1?wait=${long}`));
    await untilRead(2);

    await bench.execute("op-1");

    const reply = await waiting;
    expect(reply.body).toMatchObject({ state: "rejected", rejectionCode: "contract_not_found" });
    expect(reply.tookMs).toBeLessThan(wellBeforeMs);
  });

  it("answers at once, as it stands, while as many wait as may", async () => {
    const { ask, untilRead, stopping } = await setUpWaiting({ waitersMax: 1 });
    const waiting = ask(`/operations/op-1?wait=${long}`);
    await untilRead(2);

    const reply = await timed(ask(`/operations/op-1?wait=${long}`));
    expect(reply.body).toMatchObject({ state: "requested" });
    expect(reply.tookMs).toBeLessThan(wellBeforeMs);
    stopping.abort();
    await waiting;
  });

  it("answers as soon as it is held", async () => {
    const { ask, bench, untilRead } = await setUpWaiting();
    const waiting = timed(ask(`/operations/op-1?wait=${long}`));
    await untilRead(2);

    await bench.sql`update keiyaku.operations set state = 'held', ring_at = null,
      held_question = '{"code": "answer_unexplained", "detail": {}}' where id = 'op-1'`;

    const reply = await waiting;
    expect(reply.body).toMatchObject({ state: "held", heldQuestion: { code: "answer_unexplained" } });
    expect(reply.tookMs).toBeLessThan(wellBeforeMs);
  });

  it("answers at once when it is final already", async () => {
    const { ask, bench, readings } = await setUpWaiting();
    await bench.execute("op-1");

    await ask(`/operations/op-1?wait=${long}`);

    expect(readings()).toBe(1);
  });

  it("misses no end, at whatever moment that comes", async () => {
    const { ask, bench } = await setUpWaiting();
    for (let round = 0; round < 20; round += 1) {
      const id = `race-${round}`;
      await ask("/operations", { method: "POST", body: { ...suspend, id, contractId: `race-${round}` } });
      const waiting = timed(ask(`/operations/${id}?wait=${long}`));
      for (let turn = 0; turn < round; turn += 1) await nextTurn();
      await bench.execute(id);
      const { body, tookMs } = await waiting;
      expect(body.state).toBe("rejected");
      expect(tookMs).toBeLessThan(wellBeforeMs);
    }
  });

  it("answers with what is known when the time is up", async () => {
    const { ask, readings } = await setUpWaiting();

    const reply = await timed(ask("/operations/op-1?wait=1"));

    expect(reply.body.state).toBe("requested");
    expect(reply.tookMs).toBeGreaterThan(990);
    expect(readings()).toBeGreaterThan(1);
  });

  it("asks less and less often, and never more than ten times a second", async () => {
    const { ask, readings } = await setUpWaiting();

    await ask("/operations/op-1?wait=3");

    expect(readings()).toBeLessThan(15);
  });

  it.each(["61", "-1", "1.5", "soon", "", "1e1", "100"])("refuses to wait for %j seconds", async (wait) => {
    const { ask } = await setUpApi();

    const reply = await ask(`/operations/op-1?wait=${wait}`);

    expect(reply.status).toBe(400);
    expect(reply.body).toMatchObject({ code: "invalid_request", field: "wait" });
  });

  it("does not wait for what is not there", async () => {
    const { ask } = await setUpApi();

    const reply = await timed(ask(`/operations/op-9?wait=${long}`));

    expect(reply.status).toBe(404);
    expect(reply.tookMs).toBeLessThan(wellBeforeMs);
  });

  it("holds no connection meanwhile: far more wait than there are connections, and others are served", async () => {
    const { ask, bench, untilRead } = await setUpWaiting();
    const waiting = Array.from({ length: 100 }, () => ask(`/operations/op-1?wait=${long}`));
    await untilRead(200);

    expect((await ask("/operations", { method: "POST", body: { ...suspend, id: "op-2" } })).status).toBe(201);
    const active = await bench.sql`select 1 from pg_stat_activity
      where datname = current_database() and state = 'idle in transaction'`;
    expect(active).toEqual([]);

    await bench.execute("op-1");
    expect((await Promise.all(waiting)).map(({ body }) => body.state)).toEqual(waiting.map(() => "rejected"));
  });

  it("ends when the client goes away", async () => {
    const { server, untilRead, waits } = await setUpWaiting();
    const socket = connect(server.port, "127.0.0.1");
    await once(socket, "connect");
    socket.write(
      `GET /operations/op-1?wait=${long} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${operatorToken}\r\n\r\n`,
    );
    await untilRead(2);

    socket.destroy();

    await eventually(() => waits.at(-1)?.aborted === true, { withinMs: 10_000, describe: "the wait's end" });
  });

  it("ends when the server stops, with what is known, and the port is free", async () => {
    const { ask, server, stopping, untilRead } = await setUpWaiting();
    const waiting = [timed(ask(`/operations/op-1?wait=${long}`)), timed(ask(`/operations/op-1?wait=${long}`))];
    await untilRead(4);

    stopping.abort();
    await server.stop();

    for (const reply of await Promise.all(waiting)) {
      expect([reply.status, reply.body.state]).toEqual([200, "requested"]);
      expect(reply.tookMs).toBeLessThan(wellBeforeMs);
    }
    await expect(ask("/operations/op-1")).rejects.toThrow("fetch failed");
  });
});
