import { createHmac } from "node:crypto";

/**
 * The header `Stripe-Signature`: one `v1` for each secret, over the moment and the exact bytes of the body. Computed here
 * and not by the SDK, so that signer and verifier are two.
 *
 * @param timestamp wall-clock seconds, since the receiver compares them with its own clock
 */
export function signatureHeader(body: string, timestamp: number, secrets: readonly string[]): string {
  const signatures = secrets.map((secret) => `v1=${hmac(secret, `${timestamp}.${body}`)}`);
  return [`t=${timestamp}`, ...signatures].join(",");
}

function hmac(secret: string, text: string): string {
  return createHmac("sha256", secret).update(text, "utf8").digest("hex");
}
