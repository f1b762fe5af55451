import type { Sql } from "postgres";
import type { StandInAddress } from "./env.ts";

/** Differences that can be planted, to see that the comparison finds them. */
export const plantNames = ["refund", "payment", "subscription"] as const;
export type PlantName = (typeof plantNames)[number];

/** Plants one, after the worker has done its work and before the books are compared. Returns what was done, in a sentence. */
export function plant(name: PlantName, sql: Sql, stripe: StandInAddress): Promise<string> {
  switch (name) {
    case "refund":
      return refundTwice(sql, stripe);
    case "payment":
      return editPayment(sql);
    case "subscription":
      return endSubscription(sql, stripe);
  }
}

/** What a worker would do that forgot its own refund: the same one again, with the same metadata, under another key. */
async function refundTwice(sql: Sql, stripe: StandInAddress): Promise<string> {
  const [refund] = await sql<{ id: string; operationId: string }[]>`
    select id, operation_id as "operationId" from keiyaku.refunds where state = 'succeeded'
    order by contract_id, id limit 1`;
  const [paid] = await sql<{ paymentIntentId: string }[]>`
    select p.stripe_payment_intent_id as "paymentIntentId" from keiyaku.payments p
    where p.state = 'paid' and p.stripe_payment_intent_id is not null and p.period is not null
    order by p.contract_id, p.id limit 1`;
  if (refund === undefined || paid === undefined) throw new Error("there is no refund to make a second time");
  await post(stripe, "POST", "/v1/refunds", {
    payment_intent: paid.paymentIntentId,
    amount: "100",
    "metadata[keiyaku_refund]": refund.id,
    "metadata[keiyaku_operation]": refund.operationId,
  });
  return `Planted: ¥100 of ${paid.paymentIntentId} refunded once more in the name of ${refund.id}.`;
}

/** What a slip in a statement would do: a paid row with another amount. */
async function editPayment(sql: Sql): Promise<string> {
  const [payment] = await sql<{ id: string }[]>`
    update keiyaku.payments set amount_minor = amount_minor + 1 where id = (
      select id from keiyaku.payments where state = 'paid' and stripe_payment_intent_id is not null
      order by contract_id, id limit 1)
    returning id`;
  return `Planted: the amount of the payment ${payment?.id} raised by ¥1 in the database.`;
}

/** What a call outside any operation would do: a subscription ends, and its contract runs on. */
async function endSubscription(sql: Sql, stripe: StandInAddress): Promise<string> {
  const [contract] = await sql<{ id: string; subscriptionId: string }[]>`
    select id, stripe_subscription_id as "subscriptionId" from keiyaku.contracts
    where status = 'active' and stripe_subscription_id is not null order by id desc limit 1`;
  if (contract === undefined) throw new Error("no contract by card is active");
  await post(stripe, "DELETE", `/v1/subscriptions/${contract.subscriptionId}`, {});
  return `Planted: the subscription of the active contract ${contract.id} cancelled at the stand-in.`;
}

async function post(
  { url, secretKey }: StandInAddress,
  method: "POST" | "DELETE",
  path: string,
  params: Record<string, string>,
): Promise<void> {
  const reply = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${secretKey}`, "content-type": "application/x-www-form-urlencoded" },
    ...(method === "POST" ? { body: new URLSearchParams(params).toString() } : {}),
  });
  if (!reply.ok) throw new Error(`The stand-in answered ${reply.status} to ${method} ${path}: ${await reply.text()}`);
}
