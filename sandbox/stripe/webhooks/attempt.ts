import type { StoredWebhookEndpoint } from "../core/stored.ts";
import type { Delivery, DeliveryAttempt } from "./delivery.ts";
import { signatureHeader } from "./signature.ts";
import { secretsAt } from "./webhook-endpoint.ts";

const WRONG_SECRET = "whsec_of_somebody_else";

/**
 * Sends an event once, signed anew. Resolves with what came back; a connection that fails or an answer that is too late
 * is an attempt without a status.
 *
 * @param nowMs on the stand-in's own clock, which decides what secrets sign
 * @param stopping ends the attempt
 */
export async function attemptDelivery(
  { body, disturbance }: Delivery,
  endpoint: StoredWebhookEndpoint,
  nowMs: number,
  stopping: AbortSignal,
): Promise<DeliveryAttempt> {
  // The receiver compares the moment with the real time, whatever clock dates the objects.
  const at = Date.now();
  const staleSeconds = disturbance?.mode === "sign_stale" ? disturbance.seconds : 0;
  const secrets = disturbance?.mode === "sign_wrongly" ? [WRONG_SECRET] : secretsAt(endpoint, nowMs);
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "stripe-signature": signatureHeader(body, Math.floor(at / 1000) - staleSeconds, secrets),
    "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
  };
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(endpoint.unsent.timeoutMs)]);
  try {
    const answer = await fetch(endpoint.url, { method: "POST", headers, body, redirect: "manual", signal });
    await answer.arrayBuffer();
    return { at, status: answer.status };
  } catch {
    return { at, status: null };
  }
}

/** Only a 2xx is a delivery; a redirect is not followed. */
export function isDelivered({ status }: DeliveryAttempt): boolean {
  return status !== null && status >= 200 && status < 300;
}
