import { writeFileSync } from "node:fs";
import { generateSchemas } from "./generate-schemas.ts";
import { SCHEMAS_FILE } from "./param-schema.ts";

/** Writes `generated.json` anew: `node --import tsx sandbox/stripe/params/generate.ts`, after every change of the SDK. */
writeFileSync(SCHEMAS_FILE, generateSchemas());
