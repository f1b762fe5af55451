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

async function readText(request: Request): Promise<string> {
  if (Number(request.headers.get("content-length") ?? 0) > requestBytesMax) throw tooLarge();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let bytes = 0;
  let text = "";
  try {
    for await (const chunk of request.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > requestBytesMax) throw tooLarge();
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    if (error instanceof Problem) throw error;
    const why = error instanceof TypeError && bytes > 0 ? "is not UTF-8" : "did not arrive whole";
    throw notJson(why);
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

function tooLarge(): Problem {
  return new Problem("body_too_large", {
    detail: `The body is larger than ${requestBytesMax} bytes.`,
    remedy: "Send less: no request of keiyaku needs as much.",
  });
}
