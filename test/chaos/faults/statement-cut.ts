import { setTimeout as pause } from "node:timers/promises";
import type { TcpProxy } from "../../support/tcp-proxy.ts";
import type { Fault } from "./fault.ts";

/** As many wires are cut as there are statements under way at a time. */
const cuts = 4;

/** A worker's statements do not reach PostgreSQL: the wire is cut when they are sent. */
export const statementCutBefore: Fault = (_world, { worker }) => cutNext(worker.database, "cutBefore");

/** They reach it and take effect, and the answers are lost. */
export const statementCutAfter: Fault = (_world, { worker }) => cutNext(worker.database, "cutAfterForward");

/** The same of Redis: a command took effect, and nobody was told. */
export const redisCutAfter: Fault = async (_world, { worker }) => {
  if (worker.redis !== undefined) await cutNext(worker.redis, "cutAfterForward");
};

async function cutNext(proxy: TcpProxy, mode: "cutBefore" | "cutAfterForward"): Promise<void> {
  for (let cut = 0; cut < cuts; cut += 1) {
    await proxy.setMode(mode);
    await pause(60);
  }
  if (proxy.mode === mode) await proxy.setMode("pass");
}
