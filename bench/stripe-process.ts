import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { StandInControl } from "../sandbox/stripe/control/control.ts";
import { connectStandInControl } from "../sandbox/stripe/control-client.ts";
import { DEFAULT_SECRET_KEY } from "../sandbox/stripe/core/auth.ts";

/** The stand-in as a process of its own, so that its work is no part of the worker's memory or event loop. */
export interface StripeProcess {
  readonly url: string;
  readonly secretKey: string;
  readonly control: StandInControl;
  stop(): Promise<void>;
}

const program = join(import.meta.dirname, "..", "sandbox", "stripe", "main.ts");

export async function startStripeProcess({ refuseAutomaticKeys = false } = {}): Promise<StripeProcess> {
  const args = ["--import", "tsx", program, ...(refuseAutomaticKeys ? ["--refuse-automatic-keys"] : [])];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const gone = exited.then(([code]) => {
    throw new Error(`the stand-in ended with ${code}`);
  });
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), gone]);
  const { url } = JSON.parse(line) as { url: string };
  return {
    url,
    secretKey: DEFAULT_SECRET_KEY,
    control: connectStandInControl(url),
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}
