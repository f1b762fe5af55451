import { asyncApiDocument } from "./asyncapi.ts";
import { payloadSchemas } from "./payload-schemas.ts";

/** Every file of `schemas/` that is generated here: its path in that folder, and its text. */
export function schemaFiles(): ReadonlyMap<string, string> {
  const files = new Map([...payloadSchemas()].map(([path, schema]) => [`${path}.schema.json`, textOf(schema)]));
  return files.set("asyncapi.json", textOf(asyncApiDocument()));
}

function textOf(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
