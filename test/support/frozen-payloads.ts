import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "..", "fixtures", "payloads", "v1");

/** A job's data as a producer has sent it, by the name of its file. */
export interface FrozenPayload {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly sha256: string;
}

/** The payloads of version 1 that never change. */
export const frozenPayloads: readonly FrozenPayload[] = readdirSync(folder)
  .filter((file) => file.endsWith(".json"))
  .map((file) => {
    const bytes = readFileSync(join(folder, file));
    return {
      name: file.replace(/\.json$/, ""),
      data: JSON.parse(bytes.toString()),
      sha256: createHash("sha256").update(bytes).digest("hex"),
    };
  });

/** Those that carry a request, those that carry a product or a customer, and those that carry what Stripe sent. */
export const frozenRequests = frozenPayloads.filter(({ data }) => "request" in data);
export const frozenPuts = frozenPayloads.filter(({ data }) => "product" in data || "customer" in data);
export const frozenDeliveries = frozenPayloads.filter(({ data }) => "body" in data);

/** The hashes that were written down when each was frozen, by the name of its file. */
export function frozenHashes(): Readonly<Record<string, string>> {
  const lines = readFileSync(join(folder, "SHA256SUMS"), "utf8").trimEnd().split("\n");
  return Object.fromEntries(
    lines.map((line) => {
      const [hash = "", file = ""] = line.split("  ");
      return [file.replace(/\.json$/, ""), hash];
    }),
  );
}
