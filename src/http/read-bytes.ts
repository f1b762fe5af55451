import { Problem } from "./problem.ts";

/**
 * How much of a body that is too large is read and thrown away, so that its sender, who may read no answer before having
 * sent everything, learns why. Whoever sends more finds the connection closed.
 */
const discardedBytesMax = 1_048_576;

/**
 * Reads a request's body as it came; undefined when it did not arrive whole. Throws `body_too_large` for more than
 * `bytesMax`, and never holds more of it than that, whatever its headers say. `why` tells the sender that nobody needs more.
 */
export async function readBytes(request: Request, bytesMax: number, why: string): Promise<Uint8Array | undefined> {
  const readMax = Math.max(bytesMax, discardedBytesMax);
  if (Number(request.headers.get("content-length") ?? 0) > readMax) throw tooLarge(bytesMax, why, false);
  const reader = request.body?.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = (await reader?.read().catch(() => undefined)) ?? { done: reader === undefined };
    if (bytes > readMax) throw tooLarge(bytesMax, why, false);
    if (done && bytes > bytesMax) throw tooLarge(bytesMax, why, true);
    if (!done && value === undefined) return undefined;
    bytes += value?.byteLength ?? 0;
    if (bytes > bytesMax) chunks.length = 0;
    else if (value !== undefined) chunks.push(value);
    if (done) return Buffer.concat(chunks);
  }
}

/** `isRead`: whether it has arrived whole, so that the connection is good for another request. */
function tooLarge(bytesMax: number, why: string, isRead: boolean): Problem {
  const about = { detail: `The body is larger than ${bytesMax} bytes.`, remedy: `Send less: ${why}.` };
  return new Problem("body_too_large", about, isRead ? {} : { connection: "close" });
}
