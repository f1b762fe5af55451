import { z } from "zod";
import type { RefundSeen, RefundsSeen, SubscriptionSeen } from "../contract/step.ts";
import { chargeSeen, leftMinorOf, pageOf, reference, refundSeen, subscriptionSeen } from "./seen.ts";

/*
 * What is read of everything that Stripe has of one customer, a hundred at once. No rule asks for it: it is for whoever holds
 * our books against Stripe's, for whom an object at a time would take too many requests.
 */

/** The name under which a subscription may carry, in its metadata, the contract that it is for. */
export const contractIdKey = "keiyaku_contract";

/** A subscription of a customer, ours or not. */
export interface ListedSubscription {
  readonly id: string;
  readonly stripeSubscriptionStatus: string;
  /** The contract that it says it is for; null where it does not say. */
  readonly claimedContractId: string | null;
  /** What it sells. */
  readonly priceIds: readonly string[];
  /** The same as when it is read by itself; null for one in which nobody can read a single period, as no contract has. */
  readonly seen: Extract<SubscriptionSeen, { type: "found" }> | null;
}

/** An attempt to charge a customer. */
export interface ListedCharge {
  readonly id: string;
  /** Null for one that was made without an intent, and so is of no contract. */
  readonly paymentIntentId: string | null;
  /** Its refunds, as when they are listed by themselves; null where Stripe has more of them than it shows here. */
  readonly refunds: Extract<RefundsSeen, { type: "found" }> | null;
}

export const listedSubscription: z.ZodType<ListedSubscription> = z
  .looseObject({
    id: z.string(),
    status: z.string(),
    metadata: z.record(z.string(), z.string()).nullish(),
    items: z.looseObject({ data: z.array(z.looseObject({ price: z.object({ id: z.string() }).nullish() })) }),
  })
  .transform((subscription) => ({
    id: subscription.id,
    stripeSubscriptionStatus: subscription.status,
    claimedContractId: subscription.metadata?.[contractIdKey] ?? null,
    priceIds: subscription.items.data.flatMap(({ price }) => price?.id ?? []),
    seen: subscriptionSeen.safeParse(subscription).data ?? null,
  }));

/** A charge with its refunds expanded. One that failed charged nothing. */
export const listedCharge: z.ZodType<ListedCharge> = z
  .looseObject({ id: z.string(), payment_intent: reference.nullish(), refunds: pageOf<RefundSeen>(refundSeen) })
  .transform((charge, context) => {
    const read = chargeSeen.safeParse({ latest_charge: charge });
    if (!read.success) {
      context.addIssue({ code: "custom", message: "is no charge" });
      return z.NEVER;
    }
    const { chargedMinor, disputed } = read.data;
    const { data: refunds, has_more: goesOn } = charge.refunds;
    const leftMinor = leftMinorOf(chargedMinor, refunds);
    return {
      id: charge.id,
      paymentIntentId: charge.payment_intent ?? null,
      refunds: goesOn ? null : { type: "found", chargedMinor, leftMinor, disputed, refunds },
    };
  });
