import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, onTestFinished } from "vitest";
import { serviceToken } from "../support/api.ts";
import { describeOnBackend } from "../support/backends.ts";
import { endWorkerProcesses } from "../support/worker-process.ts";
import { setUp } from "./workers/set-up.ts";

afterEach(endWorkerProcesses);

const root = join(import.meta.dirname, "..", "..");

/** Makes these packages impossible to find, for every file of the process and for either kind of module. */
function hidden(packages: readonly string[]): string {
  return `
    import Module, { register } from "node:module";
    const hidden = ${JSON.stringify(packages)};
    const isHidden = (name) => hidden.some((each) => name === each || name.startsWith(each + "/"));
    const lost = (name) => Object.assign(new Error("Cannot find package '" + name + "'"), { code: "MODULE_NOT_FOUND" });
    const find = Module._resolveFilename;
    Module._resolveFilename = function (name, ...rest) {
      if (isHidden(name)) throw lost(name);
      return find.call(this, name, ...rest);
    };
    register("data:text/javascript," + encodeURIComponent(\`
      const hidden = \${JSON.stringify(hidden)};
      export const resolve = (name, context, next) => {
        if (hidden.some((each) => name === each || name.startsWith(each + "/"))) throw new Error("Cannot find package '" + name + "'");
        return next(name, context);
      };\`));
  `;
}

/** Runs a program with the package installed and others hidden, and returns what it wrote as JSON. */
async function runHiding(packages: readonly string[], program: string): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), "keiyaku-client-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, "node_modules"));
  await symlink(root, join(folder, "node_modules", "keiyaku"));
  await writeFile(join(folder, "hide.mjs"), hidden(packages));
  await writeFile(join(folder, "program.mjs"), program);
  const child = spawn(process.execPath, ["--import", "./hide.mjs", "program.mjs"], { cwd: folder });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  await new Promise((resolve) => child.once("close", resolve));
  if (err !== "") throw new Error(err);
  return JSON.parse(out);
}

/** What the workers need and a producer does not. */
const ofTheWorkers = ["drizzle-orm", "stripe", "pg", "postgres", "hono", "@hono/node-server", "pino", "commander"];

const request = (id: string) =>
  JSON.stringify({ id, kind: "confirm_payment", contractId: "c-1", actor: { type: "service", id: "shop" } });

describeOnBackend("the client without what only the workers need", "redis", (type) => {
  it("requests by queue on Redis, and over HTTP without BullMQ too", async () => {
    const world = await setUp(type);
    await world.register("c-1");
    const worker = await world.worker({ env: { API_TOKENS: `service:shop=${serviceToken}` } });

    const queued = await runHiding(
      ofTheWorkers,
      `import { createClient } from "keiyaku/client";
      const client = createClient({ redisUrl: ${JSON.stringify(world.queue.redisUrl)}, timeoutMs: 10_000 });
      console.log(JSON.stringify(await client.request(${request("by-queue")})));
      await client.close();`,
    );
    const outcome = await runHiding(
      [...ofTheWorkers, "bullmq", "ioredis"],
      `import { createHttpClient } from "keiyaku/client";
      const client = createHttpClient({ baseUrl: ${JSON.stringify(await worker.apiUrl())}, token: "${serviceToken}" });
      console.log(JSON.stringify(await client.requestAndWait(${request("by-http")})));`,
    );

    expect(queued).toEqual({ id: "by-queue", queued: true });
    expect(outcome).toMatchObject({ operation: { id: "by-http" } });
    await world.concluded(["by-queue", "by-http"]);
  });

  it("says what is missing when that is hidden as well: the hiding works", async () => {
    const missing = runHiding(["zod"], `import "keiyaku/client"; console.log("{}");`);

    await expect(missing).rejects.toThrow("Cannot find package 'zod'");
  });
});
