import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { serviceToken } from "../support/api.ts";
import { describeOnBackend } from "../support/backends.ts";
import { eventually } from "../support/eventually.ts";
import { findFreePort } from "../support/free-port.ts";
import { bodyOf, eventOf, invoice, otherWebhookSecret, signedAt, webhookSecret } from "../support/stripe-events.ts";
import { endWorkerProcesses } from "../support/worker-process.ts";
import { setUp, type World } from "./workers/set-up.ts";

/*
 * The examples of docs/examples/, run as a user runs them: in a folder of their own, with the package installed, against
 * a worker process. They ask for what awaits its payment under the id c-0001.
 */

afterEach(endWorkerProcesses);

const root = join(import.meta.dirname, "..", "..");

/** A folder with the example and with the packages that it names. */
async function folderFor(example: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "keiyaku-example-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "package.json"), '{"type": "module"}');
  await mkdir(join(folder, "node_modules"));
  await symlink(root, join(folder, "node_modules", "keiyaku"));
  await symlink(join(root, "node_modules", "bullmq"), join(folder, "node_modules", "bullmq"));
  await cp(join(root, "docs", "examples", example), join(folder, example));
  return folder;
}

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function run(folder: string, command: readonly string[], env: Readonly<Record<string, string>>): Promise<Ran> {
  const [program, ...args] = command;
  const child = spawn(program ?? "", args, {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    said.out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    said.err += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...said }));
  });
}

const loader = `file://${join(root, "node_modules", "tsx", "dist", "loader.mjs")}`;
const inTypeScript = (example: string) => [process.execPath, "--import", loader, example];

async function statusOf({ sql }: World): Promise<unknown> {
  const [contract] = await sql`select status from keiyaku.contracts where id = 'c-0001'`;
  return contract?.status;
}

describeOnBackend("an example by queue", "redis", (type) => {
  it.each([
    ["request-by-queue.ts", "confirm-invoice-2026-0815", "active"],
    ["request-by-bullmq.ts", "cancel-order-4713", "canceled"],
  ])("%s", async (example, id, status) => {
    const world = await setUp(type);
    await world.register("c-0001", { startOn: "2024-10-08" });
    await world.worker();
    const folder = await folderFor(example);
    const env = { REDIS_URL: world.queue.redisUrl ?? "" };

    const first = await run(folder, inTypeScript(example), env);
    const again = await run(folder, inTypeScript(example), env);

    expect(first).toMatchObject({ code: 0, out: expect.stringContaining(`queued ${id}`), err: "" });
    expect(again).toMatchObject({ code: 0, err: "" });
    expect(await world.concluded([id])).toMatchObject([{ state: "succeeded" }]);
    await world.queueEmpty();
    expect(await world.sql`select id from keiyaku.operations where id = ${id}`).toHaveLength(1);
    expect(await world.sql`select * from keiyaku.refused_requests`).toEqual([]);
    expect(await statusOf(world)).toBe(status);
  });
});

describeOnBackend("a webhook endpoint that hands on by queue", "redis", (type) => {
  it.each(["forward-stripe-events.ts", "forward-stripe-events-by-bullmq.ts"])("%s", async (example) => {
    const world = await setUp(type);
    await world.worker({ env: { STRIPE_WEBHOOK_SECRETS: webhookSecret } });
    const folder = await folderFor(example);
    const port = await findFreePort();
    const child = spawn(process.execPath, ["--import", loader, example], {
      cwd: folder,
      env: { PATH: process.env.PATH, REDIS_URL: world.queue.redisUrl, PORT: String(port) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const exited = once(child, "exit");
    await once(child.stdout, "data");
    const body = bodyOf(eventOf("invoice.paid", invoice()));
    const send = (signature: string) =>
      fetch(`http://127.0.0.1:${port}/webhooks`, { method: "POST", body, headers: { "stripe-signature": signature } });

    // Until its client has reached the queue it answers "later", and Stripe sends again.
    const isTaken = async () => (await send(signedAt(body, systemClock.nowMs()))).status === 200;
    await eventually(isTaken, { withinMs: 20_000, describe: "a delivery that is handed on" });
    const { status } = await send(signedAt(body, systemClock.nowMs() - 1_000));
    await send(signedAt(body, systemClock.nowMs(), otherWebhookSecret));

    expect(status).toBe(200);
    const refusals = () => world.sql`select field, content from keiyaku.refused_requests`;
    await eventually(async () => (await refusals()).length > 0, {
      withinMs: 20_000,
      describe: "the last one's refusal",
    });
    expect(await refusals()).toEqual([{ field: "signature", content: "" }]);
    const inbox = () => world.sql`select type, arrived_by from keiyaku.stripe_events`;
    await eventually(async () => (await inbox()).length > 0, { withinMs: 20_000, describe: "the event in the inbox" });
    expect(await inbox()).toEqual([{ type: "invoice.paid", arrived_by: "queue" }]);
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  });
});

/** Runs a test that needs a program of the machine's. Without it the test is skipped, which is said aloud. */
function itWith(program: string, name: string, test: () => Promise<void>): void {
  const isThere = (process.env.PATH ?? "").split(delimiter).some((folder) => isExecutable(join(folder, program)));
  if (!isThere) console.warn(`\n!!! There is no ${program} on the PATH: THE EXAMPLE ${name} IS SKIPPED. !!!\n`);
  it.skipIf(!isThere)(name, test);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

describe("an example by another door", () => {
  itWith("curl", "request-by-http.sh", async () => {
    const world = await setUp("postgres");
    await world.register("c-0001");
    const worker = await world.worker({ env: { API_TOKENS: `service:shop=${serviceToken}` } });
    const folder = await folderFor("request-by-http.sh");
    const env = { KEIYAKU_URL: await worker.apiUrl(), KEIYAKU_TOKEN: serviceToken };

    const first = await run(folder, ["sh", "request-by-http.sh"], env);
    const again = await run(folder, ["sh", "request-by-http.sh"], env);
    const stranger = await run(folder, ["sh", "request-by-http.sh"], { ...env, KEIYAKU_TOKEN: "x".repeat(40) });

    expect(first).toMatchObject({ code: 0, err: "" });
    expect(answersIn(first)).toMatchObject([
      { answer: "accepted", operation: { id: "cancel-order-4711" } },
      { id: "cancel-order-4711", state: "succeeded", actorType: "service", actorId: "shop" },
    ]);
    expect(answersIn(again)).toMatchObject([{ answer: "duplicate" }, { state: "succeeded" }]);
    expect(stranger.code).not.toBe(0);
    expect(answersIn(stranger)).toMatchObject([{ code: "unauthorized" }]);
    expect(await statusOf(world)).toBe("canceled");
  });

  itWith("psql", "request-by-sql.sql", async () => {
    const world = await setUp("postgres");
    await world.register("c-0001");
    await world.worker();
    const folder = await folderFor("request-by-sql.sql");
    const command = ["psql", world.databaseUrl, "--no-psqlrc", "--file", "request-by-sql.sql"];

    const first = await run(folder, command, {});
    const again = await run(folder, command, {});

    expect(first).toMatchObject({ code: 0, out: expect.stringContaining('"answer": "accepted"'), err: "" });
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining('"answer": "duplicate"'), err: "" });
    expect(await world.concluded(["confirm-invoice-2026-0816", "suspend-order-4712"])).toMatchObject([
      { state: "succeeded" },
      { state: "succeeded" },
    ]);
    expect(await statusOf(world)).toBe("payment_unconfirmed");
  });
});

function answersIn({ out }: Ran): readonly unknown[] {
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
}
