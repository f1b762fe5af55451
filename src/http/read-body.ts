import { TextDecoder } from "node:util";
import { requestBytesMax } from "../queue/read-payload.ts";
import { invalidRequest, Problem } from "./problem.ts";

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
  const value = parse(await readText(request));
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidRequest("request", "must be a JSON object");
  }
  return value as Record<string, unknown>;
}

/**
 * How much of a body that is too large is read and thrown away, so that its sender, who may read no answer before having
 * sent everything, learns why. Whoever sends more finds the connection closed.
 */
const discardedBytesMax = 1_048_576;

async function readText(request: Request): Promise<string> {
  if (Number(request.headers.get("content-length") ?? 0) > discardedBytesMax) throw tooLarge(false);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const reader = request.body?.getReader();
  let bytes = 0;
  let text = "";
  for (;;) {
    const { done, value } = (await reader?.read().catch(() => undefined)) ?? { done: reader === undefined };
    if (bytes > discardedBytesMax) throw tooLarge(false);
    if (done && bytes > requestBytesMax) throw tooLarge(true);
    if (!done && value === undefined) throw notJson("did not arrive whole");
    bytes += value?.byteLength ?? 0;
    if (bytes > requestBytesMax) text = "";
    else text += decode(decoder, value);
    if (done) return text;
  }
}

/** The text of a chunk, or of what is left at the end. */
function decode(decoder: TextDecoder, chunk: Uint8Array | undefined): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
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

/** `isRead`: whether it has arrived whole, so that the connection is good for another request. */
function tooLarge(isRead: boolean): Problem {
  const about = {
    detail: `The body is larger than ${requestBytesMax} bytes.`,
    remedy: "Send less: no request of keiyaku needs as much.",
  };
  return new Problem("body_too_large", about, isRead ? {} : { connection: "close" });
}
