import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/** A script imports the driver and talks to a server: seconds, also beside five others on a busy machine. Longer means that it hangs. */
const scriptWithinMs = 60_000;

/** Runs a script of this folder in a process of its own and returns what it wrote. Throws unless it ends well in time. */
export async function runScript(name: string, ...args: string[]): Promise<string> {
  const script = join(import.meta.dirname, name);
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", script, ...args], {
    timeout: scriptWithinMs,
    killSignal: "SIGKILL",
    cwd: join(import.meta.dirname, "..", "..", "..", ".."),
  });
  return stdout;
}
