import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { version } from "../src/version.ts";
import { componentSchemas } from "./openapi/bodies.ts";
import { paths } from "./openapi/paths.ts";

/** Where the document is kept. */
export const openApiFile = fileURLToPath(new URL("../schemas/openapi.json", import.meta.url));

/** The OpenAPI document of the HTTP API, as the file keeps it. Made of the schemas that the API and its client use. */
export function openApiText(): string {
  return `${JSON.stringify(openApiDocument(), null, 2)}\n`;
}

function openApiDocument() {
  return {
    openapi: "3.1.1",
    info: {
      title: "keiyaku",
      version,
      summary: "Requests contract operations and tells what became of them.",
      description:
        "Every answer is JSON; every refusal is a problem of RFC 9457 with a stable `code` and a `remedy`. A path answers HEAD where it answers GET, OPTIONS with 204 and the methods it knows in `allow`, and other methods with 405 (`method_not_allowed`); other paths are 404 (`route_not_found`). Bodies have at most 64 KiB.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "http://127.0.0.1:8788", description: "API_HOST and API_PORT unless set" }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description:
            "A token of API_TOKENS. Its actor is the requests' actor; a service may name a customer instead.",
        },
      },
      headers: {
        RequestId: { description: "Finds the answer in the API's log.", schema: { type: "string", format: "uuid" } },
        Location: { description: "The operation's path.", schema: { type: "string" } },
        RetryAfter: { description: "Seconds.", schema: { type: "integer" } },
      },
      schemas: componentSchemas(),
    },
  };
}

/** Writes the document anew. */
export function generateOpenApi(): void {
  writeFileSync(openApiFile, openApiText());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) generateOpenApi();
