import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { registerParams } from "../../src/contract/registering.ts";
import type { PlannedRequest } from "./data/planned-request.ts";
import type { DataFolder } from "./data-folder.ts";
import { type DemoDay, resolveDates } from "./notation.ts";
import type { DemoContract } from "./stripe.ts";

/** The demo's data, with their dates of today. */
export interface DemoFiles {
  readonly requests: readonly PlannedRequest[];
  /** Every contract that the two files bring, as far as it can be read; for the stand-in's seed. */
  readonly contracts: readonly DemoContract[];
}

/** Reads the two files, resolves their dates, and writes what comes out into the data folder, for the import and for people. */
export async function readDemoFiles(folder: DataFolder, day: DemoDay): Promise<DemoFiles> {
  const lines = await readLines("contracts.ndjson", day);
  const requests = (await readLines("requests.ndjson", day)) as unknown as readonly PlannedRequest[];
  await writeFile(folder.contracts, toText(lines));
  await writeFile(folder.requests, toText(requests));
  const imported = lines.flatMap(({ type, contractId, ...params }) =>
    type === "contract" ? contractOf(contractId, params) : [],
  );
  const known = new Set(imported.map(({ contractId }) => contractId));
  const registered = requests.flatMap(({ kind, contractId, params }) =>
    kind === "register" && !known.has(contractId) ? contractOf(contractId, params) : [],
  );
  return { requests, contracts: [...imported, ...registered] };
}

type Line = Readonly<Record<string, unknown>>;

async function readLines(name: string, day: DemoDay): Promise<readonly Line[]> {
  const text = await readFile(join(import.meta.dirname, name), "utf8");
  return text.split("\n").flatMap((line) => (line === "" ? [] : [resolveDates(JSON.parse(line) as Line, day)]));
}

function toText(lines: readonly object[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** None for parameters that no door would take: those are among the requests on purpose. */
function contractOf(contractId: unknown, params: unknown): readonly DemoContract[] {
  const parsed = registerParams.safeParse(params);
  return parsed.success ? [{ contractId: String(contractId), params: parsed.data }] : [];
}
