import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const folder = join(import.meta.dirname, "..", "..", "schemas");

/** Asks the checked-in JSON Schemas, as a producer in another language would. */
export function createSchemaValidator(): (name: string, value: unknown) => boolean {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: false });
  addFormats.default(ajv);
  for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (path.endsWith(".schema.json")) ajv.addSchema(JSON.parse(readFileSync(join(folder, path), "utf8")));
  }
  return (name, value) => {
    const validate = ajv.getSchema(`urn:keiyaku:schema:v1:${name}`);
    if (validate === undefined) throw new Error(`There is no schema ${name}.`);
    return validate(value) as boolean;
  };
}
