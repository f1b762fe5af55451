import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { registerParams } from "../../src/contract/registering.ts";
import type { PlannedRequest } from "./data/planned-request.ts";
import type { DataFolder } from "./data-folder.ts";
import { type DemoDay, resolveDates } from "./notation.ts";
import type { DemoContract } from "./stripe.ts";

type Line = Readonly<Record<string, unknown>>;

/** The demo's data, with their dates of one day. */
export interface DemoFiles {
  /** The lines to import. */
  readonly lines: readonly Line[];
  readonly requests: readonly PlannedRequest[];
  /** Every contract that the two files bring, as far as it can be read; for the stand-in's seed. */
  readonly contracts: readonly DemoContract[];
}

/** Reads the two files, resolves their dates, and writes what comes out into the data folder, for the import and for people. */
export async function readDemoFiles(folder: DataFolder, day: DemoDay): Promise<DemoFiles> {
  const read = (name: string) => readFile(join(import.meta.dirname, name), "utf8");
  const texts = {
    "contracts.ndjson": await read("contracts.ndjson"),
    "requests.ndjson": await read("requests.ndjson"),
  };
  const files = resolveDemoFiles(texts, day);
  await writeFile(folder.contracts, toText(files.lines));
  await writeFile(folder.requests, toText(files.requests));
  return files;
}

/** What the two files say on this day. */
export function resolveDemoFiles(
  texts: Readonly<Record<"contracts.ndjson" | "requests.ndjson", string>>,
  day: DemoDay,
): DemoFiles {
  const lines = resolveLines<Line>(texts["contracts.ndjson"], day);
  const requests = resolveLines<PlannedRequest>(texts["requests.ndjson"], day);
  const imported = lines.flatMap(({ type, contractId, ...params }) =>
    type === "contract" ? contractOf(contractId, params) : [],
  );
  const registered = requests.flatMap(({ kind, contractId, params }) =>
    kind === "register" ? contractOf(contractId, params) : [],
  );
  return { lines, requests, contracts: firstOfEach([...imported, ...registered]) };
}

/** A contract that is registered again is the one that it was: repeated requests are among the others on purpose. */
function firstOfEach(contracts: readonly DemoContract[]): readonly DemoContract[] {
  const first = new Map<string, DemoContract>();
  for (const contract of contracts) if (!first.has(contract.contractId)) first.set(contract.contractId, contract);
  return [...first.values()];
}

function resolveLines<T>(text: string, day: DemoDay): readonly T[] {
  return text.split("\n").flatMap((line) => (line === "" ? [] : [resolveDates(JSON.parse(line) as T, day)]));
}

function toText(lines: readonly object[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** None for parameters that no door would take: those are among the requests on purpose. */
function contractOf(contractId: unknown, params: unknown): readonly DemoContract[] {
  const parsed = registerParams.safeParse(params);
  return parsed.success ? [{ contractId: String(contractId), params: parsed.data }] : [];
}
