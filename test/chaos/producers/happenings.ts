import type { StripeProcess } from "../../../bench/stripe-process.ts";
import { stripeKey } from "../canaries.ts";
import type { Happening } from "./story.ts";

/**
 * Lets something happen at Stripe that nobody here has asked for: a customer pays, a bank disputes, somebody works on the dashboard.
 * Returns whether it took place; Stripe may refuse it, or a fault meet it.
 */
export async function letHappen({ url, control }: StripeProcess, happening: Happening): Promise<boolean> {
  const dashboard = async (method: string, path: string, body?: string) => {
    const reply = await fetch(`${url}/v1/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${stripeKey}`,
        "content-type": "application/x-www-form-urlencoded",
        // By hand, and so under keys that are nobody's.
        ...(method === "POST" ? { "idempotency-key": `dashboard-${crypto.randomUUID()}` } : {}),
      },
      ...(body === undefined ? {} : { body }),
    });
    if (!reply.ok) throw new Error(`${path} was refused: ${reply.status}`);
  };
  const ways: { readonly [T in Happening["type"]]: (event: Extract<Happening, { type: T }>) => Promise<unknown> } = {
    card_declined: ({ customer }) => control.declineCards({ customer, reason: "insufficient_funds" }),
    invoice_paid: ({ invoice }) => control.payInvoice(invoice),
    payment_disputed: ({ charge }) => control.dispute(charge),
    subscription_lifted: ({ subscription }) =>
      dashboard("POST", `subscriptions/${subscription}`, "cancel_at_period_end=false"),
    subscription_ended: ({ subscription }) =>
      dashboard("DELETE", `subscriptions/${subscription}?cancellation_details%5Bcomment%5D=dashboard`),
    payment_refunded: ({ paymentIntent }) => dashboard("POST", "refunds", `payment_intent=${paymentIntent}`),
  };
  try {
    await (ways[happening.type] as (event: Happening) => Promise<unknown>)(happening);
    return true;
  } catch {
    return false;
  }
}
