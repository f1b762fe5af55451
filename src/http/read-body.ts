import { TextDecoder } from "node:util";
import { requestBytesMax } from "../queue/read-payload.ts";
import { invalidRequest, Problem } from "./problem.ts";
import { readBytes } from "./read-bytes.ts";

/**
 * Reads a request's body as one JSON object, or throws a {@link Problem}. Never holds more of it than a request may weigh,
 * whatever its headers say.
 */
export async function readBody(request: Request): Promise<Record<string, unknown>> {
  const type = request.headers.get("content-type") ?? "";
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (!/^application\/json *(; *charset *= *"?utf-8"? *)?$/i.test(type) || encoding.toLowerCase() !== "identity") {
    throw new Problem("unsupported_media_type", {
      detail: "The body is not declared as plain JSON in UTF-8.",
      remedy: "Send it with content-type: application/json and without a content-encoding.",
    });
  }
  const bytes = await readBytes(request, requestBytesMax, "no request of keiyaku needs as much");
  if (bytes === undefined) throw notJson("did not arrive whole");
  const value = parse(decode(bytes));
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidRequest("request", "must be a JSON object");
  }
  return value as Record<string, unknown>;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw notJson("is not UTF-8");
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own words quote what was sent.
    throw notJson("cannot be parsed");
  }
}

function notJson(why: string): Problem {
  return new Problem("invalid_json", {
    detail: `The body ${why}.`,
    remedy: "Send one JSON object in UTF-8.",
  });
}
