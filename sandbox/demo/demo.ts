import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { outputOnto, paint, writeLine } from "../../src/cli/output.ts";
import { ConfigError } from "../../src/config.ts";
import { Closing } from "./closing.ts";
import { DemoRefused } from "./env.ts";
import { plantNames } from "./plant.ts";
import { runDemo } from "./run-demo.ts";

/**
 * `npm run demo`: shows what the worker does, on data of its own, and compares the books with the stand-in's ledger. With
 * `-- --plant refund` (or `payment`, `subscription`, or several) it plants differences, which the comparison must find.
 */
const out = outputOnto(process.stdout);
const err = outputOnto(process.stderr);
const exits = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

const stopping = new AbortController();
const closing = new Closing();
let signalled: keyof typeof exits | undefined;

/** A stop has limits of its own, below this in sum unless something hangs that never should. */
const exitWithinMs = 20_000;

function close(): Promise<void> {
  return closing.close((error) =>
    writeLine(err, `While closing: ${error instanceof Error ? error.message : String(error)}`),
  );
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    // Once is enough: what has been started is stopped in order, and leaving before that would leave it running.
    if (signalled !== undefined) return;
    signalled = signal;
    writeLine(err, paint(err, "dim", "Stopping …"));
    stopping.abort();
    setTimeout(() => process.exit(exits[signal]), exitWithinMs).unref();
    void close();
  });
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { plant: { type: "string", multiple: true, default: [] } } });
  const plants = values.plant.map((asked) => {
    const plant = plantNames.find((name) => name === asked);
    if (plant === undefined) throw new DemoRefused(`--plant ${asked} is none of ${plantNames.join(", ")}.`);
    return plant;
  });
  const folder = resolve(process.env.KEIYAKU_DATA_DIR ?? ".keiyaku", "demo");
  return runDemo({ env: process.env, folder, plants, out, err, closing, signal: stopping.signal });
}

try {
  process.exitCode = await main();
} catch (error) {
  const isRefusal = error instanceof DemoRefused || error instanceof ConfigError;
  if (signalled === undefined) {
    const words = error instanceof Error ? (isRefusal ? error.message : (error.stack ?? error.message)) : String(error);
    writeLine(err, `${paint(err, "red", "error:")} ${words}`);
  }
  process.exitCode = isRefusal ? 2 : 1;
} finally {
  await close();
}
if (signalled !== undefined) process.exitCode = exits[signalled];
