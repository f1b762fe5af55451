import { spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";

const run = globalThis as { keiyakuBuild?: Promise<void> };

/**
 * Builds the program into `dist`, so that what is started there is what a deployment starts: once in a run, whichever of its
 * projects asks first. With TEST_BUILT=1 what lies in `dist` is taken for that: CI has built it from the same files a moment before.
 */
export default async function setup(): Promise<void> {
  if (process.env.TEST_BUILT === "1") return;
  run.keiyakuBuild ??= build();
  await run.keiyakuBuild;
}

/** The folder is emptied first: a file whose source is gone must not be found by a test. */
async function build(): Promise<void> {
  const root = join(import.meta.dirname, "..", "..");
  await rm(join(root, "dist"), { recursive: true, force: true });
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const child = spawn(process.execPath, [compiler, "-p", "tsconfig.build.json"], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const output of [child.stdout, child.stderr]) {
    output.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  const ending = await new Promise<number | string | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? signal));
  });
  if (ending !== 0) throw new Error(`The build for the e2e tests failed (${ending}):\n${said}`);
}
