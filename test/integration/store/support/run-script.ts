import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** A script imports the driver and talks to a server: seconds, also beside five others on a busy machine. Longer means that it hangs. */
const scriptWithinMs = 60_000;

/** Runs a TypeScript file in a process of its own and returns what it wrote. Throws unless it ends well in time. */
export async function runScript(file: URL, ...args: string[]): Promise<string> {
  const script = fileURLToPath(file);
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", script, ...args], {
    timeout: scriptWithinMs,
    killSignal: "SIGKILL",
    cwd: join(import.meta.dirname, "..", "..", "..", ".."),
  });
  return stdout;
}
