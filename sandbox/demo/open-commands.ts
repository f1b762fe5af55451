import type { CommandContext, Console } from "../../src/cli/context.ts";
import type { Output } from "../../src/cli/output.ts";
import { requestsAtOnce } from "../../src/cli/requests-at-once.ts";
import { systemClock } from "../../src/clock.ts";
import { readConfig } from "../../src/config.ts";
import { openInstallation } from "../../src/installation.ts";
import { Database } from "../../src/store/database.ts";
import type { Closing } from "./closing.ts";
import { demoSettings } from "./env.ts";
import type { Servers } from "./open-servers.ts";

export interface CommandOptions extends Pick<Console, "out" | "err"> {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly servers: Servers;
  readonly closing: Closing;
  readonly signal: AbortSignal;
}

/** Opens what the functions behind `keiyaku …` work with. What they have to say is set in under the demo's own lines. */
export async function openCommands({
  env,
  servers,
  out,
  err,
  closing,
  signal,
}: CommandOptions): Promise<CommandContext> {
  const config = readConfig({ ...demoSettings(env, servers) });
  // Starts nothing: the settings name every server.
  const installation = await openInstallation(config, () => undefined);
  await closing.add(() => installation.stop());
  const { address, queue, stripe } = installation;
  const db = new Database({ address, poolSize: requestsAtOnce, applicationName: "keiyaku-demo" });
  await closing.add(() => db.close(500));
  return { out: indented(out), err, ask: null, db, address, queue, config, stripe, clock: systemClock, signal };
}

function indented(out: Output): Output {
  return { ...out, write: (text) => out.write(text.replaceAll(/^(?=.)/gm, "  ")) };
}
