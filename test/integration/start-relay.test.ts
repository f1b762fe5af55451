import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { readConfig } from "../../src/config.ts";
import { openInstallation } from "../../src/installation.ts";
import { createClosing } from "../../workers/closing.ts";
import { relayRole } from "../../workers/start-relay.ts";
import { openWatch } from "../../workers/watch.ts";
import { eventually } from "../support/eventually.ts";
import { webhookSecret } from "../support/stripe-events.ts";
import { createTestStore, silentLog } from "../support/test-database.ts";

it("has the stand-in of the embedded default send its events to it, when a secret is set", async () => {
  const store = await createTestStore();
  onTestFinished(() => store.close());
  const dataDir = mkdtempSync(join(tmpdir(), "keiyaku-relay-"));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  const config = readConfig({
    DATABASE_URL: store.url,
    KEIYAKU_DATA_DIR: dataDir,
    STRIPE_WEBHOOK_SECRETS: webhookSecret,
    RELAY_PORT: "0",
  });
  const installation = await openInstallation(config, () => undefined);
  onTestFinished(() => installation.stop());
  const closing = createClosing();
  onTestFinished(() => closing.run(() => undefined));
  const watch = await openWatch({ config, clock: systemClock, address: installation.address });
  closing.onClose(() => watch.stop());

  await relayRole.start({
    config,
    installation,
    clock: systemClock,
    log: silentLog,
    failpoints: undefined,
    onStatement: undefined,
    watch,
    stopping: new AbortController().signal,
    closing,
  });
  await fetch(`${installation.stripe.apiBase}/v1/customers`, {
    method: "POST",
    headers: { authorization: `Bearer ${installation.stripe.secretKey.reveal()}` },
    body: new URLSearchParams({ name: "hanako" }),
  });

  const inbox = () => store.sql`select type, arrived_by from keiyaku.stripe_events`;
  await eventually(async () => (await inbox()).length > 0, { withinMs: 10_000, describe: "an event in the inbox" });
  expect(await inbox()).toEqual([{ type: "customer.created", arrived_by: "relay" }]);
});
