import { recordRefund } from "../billing/effects.ts";
import { cancelRefund, refundCharge } from "../billing/refunding.ts";
import type { Change } from "../core/change.ts";
import { followClockOf } from "../core/clock.ts";
import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { invalidRequest, resourceMissing } from "../core/errors.ts";
import { LIST_PARAMS } from "../core/imitated-params.ts";
import { listPage, readPageRequest } from "../core/list.ts";
import { changedMetadata } from "../core/params.ts";
import type { StoredCharge, StoredRefund } from "../core/stored.ts";
import { narrowestIndex } from "./narrowest-index.ts";
import { isSameMetadata } from "./same-metadata.ts";

const REASONS = ["duplicate", "fraudulent", "requested_by_customer"] as const;

interface Refunded {
  readonly charge: string | undefined;
  readonly paymentIntent: string | undefined;
}

const retrieve = defineEndpoint({
  method: "GET",
  path: "/v1/refunds/:id",
  params: [],
  answers: "refund",
  read: (_params, id) => id,
  execute: refundNamed,
});

const update = defineEndpoint({
  method: "POST",
  path: "/v1/refunds/:id",
  params: ["metadata[]"],
  answers: "refund",
  read: (params, id) => ({ id, metadata: params.metadata() }),
  execute: (change, { id, metadata }) => {
    const refund = refundNamed(change, id);
    const changed = changedMetadata(refund.metadata, metadata);
    if (isSameMetadata(refund.metadata, changed)) return refund;
    const updated = change.put({ ...refund, metadata: changed });
    recordRefund(change, "refund.updated", updated);
    return updated;
  },
});

const list = defineEndpoint({
  method: "GET",
  path: "/v1/refunds",
  params: [...LIST_PARAMS, "charge", "payment_intent"],
  answers: "refund",
  isList: true,
  read: (params) => ({
    page: readPageRequest(params),
    charge: params.text("charge"),
    paymentIntent: params.text("payment_intent"),
  }),
  execute: ({ objects }, { page, charge, paymentIntent }) =>
    listPage(
      {
        collection: objects.refund,
        index: narrowestIndex({ charge, payment_intent: paymentIntent }),
        matches: (refund) => paymentIntent === undefined || refund.payment_intent === paymentIntent,
        url: "/v1/refunds",
        noun: "refund",
      },
      page,
    ),
});

const create = defineEndpoint({
  method: "POST",
  path: "/v1/refunds",
  params: ["charge", "payment_intent", "amount", "reason", "metadata[]"],
  answers: "refund",
  read: (params) => {
    const refunded: Refunded = { charge: params.text("charge"), paymentIntent: params.text("payment_intent") };
    if (refunded.charge === undefined && refunded.paymentIntent === undefined) {
      throw invalidRequest(
        "One of the following params should be provided for this request: payment_intent or charge.",
      );
    }
    return {
      refunded,
      amount: params.integer("amount", 1),
      reason: params.oneOf("reason", REASONS) ?? null,
      metadata: changedMetadata({}, params.metadata()),
    };
  },
  execute: (change, { refunded, ...refund }) => {
    const charge = chargeOf(change, refunded);
    followClockOf(change, charge.customer);
    return refundCharge(change, charge, refund);
  },
});

/** Only a refund that waits for the customer can be canceled; one to a card never waits for him. */
const cancel = defineEndpoint({
  method: "POST",
  path: "/v1/refunds/:id/cancel",
  params: [],
  answers: "refund",
  read: (_params, id) => id,
  execute: (change, id) => {
    const refund = refundNamed(change, id);
    if (refund.status !== "requires_action") throw invalidRequest(`Refund ${id} cannot be canceled.`);
    return cancelRefund(change, refund);
  },
});

export const refundEndpoints: readonly Endpoint[] = [create, retrieve, update, list, cancel];

function refundNamed(change: Change, id: string): StoredRefund {
  const refund = change.objects.refund.get(id);
  if (refund === undefined) throw resourceMissing("refund", id, "id");
  followClockOf(change, change.objects.charge.get(refund.charge)?.customer ?? null);
  return refund;
}

function chargeOf({ objects }: Change, { charge: id, paymentIntent }: Refunded): StoredCharge {
  if (id !== undefined) {
    const charge = objects.charge.get(id);
    if (charge === undefined) throw resourceMissing("charge", id, "charge");
    if (paymentIntent === undefined || charge.payment_intent === paymentIntent) return charge;
    throw invalidRequest(`Charge ${id} does not belong to ${paymentIntent}.`);
  }
  if (paymentIntent === undefined) throw new Error("A refund names a charge or a PaymentIntent");
  const intent = objects.payment_intent.get(paymentIntent);
  if (intent === undefined) throw resourceMissing("payment_intent", paymentIntent, "payment_intent");
  const charge = intent.latest_charge === null ? undefined : objects.charge.get(intent.latest_charge);
  if (charge?.status === "succeeded") return charge;
  throw invalidRequest(`This PaymentIntent (${paymentIntent}) does not have a successful charge to refund.`);
}
