import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { type MailServer, startMailServer } from "../../support/mail-server.ts";
import { endWorkerProcesses } from "../../support/worker-process.ts";
import { setUp, type World } from "./set-up.ts";

afterEach(endWorkerProcesses);

async function setUpMail() {
  const world = await setUp("postgres");
  const server = await startMailServer();
  onTestFinished(() => server.stop());
  const env = {
    SMTP_URL: server.url,
    MAIL_FROM: "契約係 <keiyaku@example.com>",
    OPERATOR_MAIL: "accounting@example.com,support@example.com",
    OPERATOR_LOCALE: "en",
  };
  return { world, server, env };
}

/** Suspends a contract by bank transfer without any worker: two mails are in the outbox. */
async function suspend(world: World): Promise<void> {
  await world.register("c-1");
  await world.perform({ id: "op-1", kind: "confirm_payment", contractId: "c-1" });
  const row = await world.perform({ id: "op-2", kind: "suspend", contractId: "c-1" });
  expect(row).toMatchObject({ state: "succeeded" });
}

function states({ sql }: World) {
  return sql<{ state: string; problem: string | null; attempt: number }[]>`
    select state, problem, attempt from keiyaku.notifications order by id`;
}

async function untilAll(world: World, state: string) {
  const are = async () => (await states(world)).every((row) => row.state === state);
  await eventually(are, { withinMs: 20_000, describe: `all mails to be ${state}` });
}

const addressesOf = (server: MailServer) => server.received.map(({ handedInTo }) => handedInTo.join()).sort();

describe("mail", () => {
  it("of an operation reaches the customer and the operators, each in their language, once", async () => {
    const { world, server, env } = await setUpMail();
    const workers = await Promise.all([world.worker({ env }), world.worker({ env })]);
    await suspend(world);

    await untilAll(world, "sent");

    expect(addressesOf(server)).toEqual(["accounting@example.com", "hanako@example.com", "support@example.com"]);
    const subjects = server.received.map(({ subject }) => subject ?? "").sort();
    expect(subjects.slice(0, 2)).toEqual(Array(2).fill("[keiyaku] Contract suspended: c-1"));
    expect(subjects[2]).toContain("c-1");
    for (const { logs } of workers) expect(JSON.stringify(logs)).not.toMatch(/hanako|花子|accounting@/);
  });

  it.each([
    ["before it is sent", "after:claim_notifications:1:kill", 0],
    ["after it was sent", "before:note_delivery:1:kill", 3],
  ])(
    "whose sender is killed %s is unknown after the lease, and never sent again by itself",
    async (_, failpoint, sent) => {
      const { world, server, env } = await setUpMail();
      await suspend(world);
      const doomed = world.startingWorker({ env, failpoint, roles: ["notifications"] });
      expect(await doomed.ended()).toMatchObject({ signal: "SIGKILL" });
      expect((await states(world)).map(({ state }) => state)).toEqual(["claimed", "claimed", "claimed"]);
      const before = server.received.length;
      expect(before).toBeLessThanOrEqual(sent);
      await world.sql`update keiyaku.notifications set claimed_at = claimed_at - interval '1 hour'`;

      const successor = await world.worker({ env, roles: ["notifications"] });

      await untilAll(world, "unknown");
      expect(await states(world)).toMatchObject(Array(3).fill({ problem: "sender_lost" }));
      expect(server.received).toHaveLength(before);
      successor.kill("SIGTERM");
      expect(await successor.ended()).toEqual({ code: 0, signal: null });
    },
  );

  it("becomes files where there is no server, which is said once; other roles need none of it", async () => {
    const { world } = await setUpMail();
    await suspend(world);
    const dir = mkdtempSync(join(tmpdir(), "keiyaku-mail-"));
    onTestFinished(() => rmSync(dir, { recursive: true }));

    const worker = await world.worker({ env: { KEIYAKU_DATA_DIR: dir }, roles: ["notifications"] });

    await untilAll(world, "sent");
    expect(readdirSync(join(dir, "mail"))).toHaveLength(2);
    expect(worker.logs.filter(({ msg }) => msg.includes("No SMTP_URL"))).toHaveLength(1);
  });

  it("is not left without a server in production: the role refuses to start, and says what is missing", async () => {
    const world = await setUp("postgres");
    const env = { NODE_ENV: "production", STRIPE_API_BASE: "" };

    const worker = world.startingWorker({ env, roles: ["notifications"] });

    expect(await worker.ended()).toMatchObject({ code: 1 });
    expect(worker.said()).toContain("SMTP_URL is not set");
  });
});
