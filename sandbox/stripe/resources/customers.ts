import { checkPaymentMethod } from "../billing/cards.ts";
import { record } from "../billing/effects.ts";
import { cardOfToken } from "../billing/test-cards.ts";
import type { Change } from "../core/change.ts";
import { followClockOf } from "../core/clock.ts";
import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { referenceMissing, resourceMissing } from "../core/errors.ts";
import { changedMetadata, type Params } from "../core/params.ts";
import type { StoredCustomer } from "../core/stored.ts";
import { customerObject } from "../objects/customer.ts";
import { attachMethod } from "./payment-methods.ts";

const FIELDS = [
  "name",
  "email",
  "description",
  "phone",
  "balance",
  "invoice_settings[default_payment_method]",
  "metadata[]",
] as const;

function readFields(params: Params) {
  const settings = params.map("invoice_settings");
  checkPaymentMethod(settings.text("default_payment_method"), settings.nameOf("default_payment_method"));
  return {
    name: params.textOrUnset("name"),
    email: params.textOrUnset("email"),
    description: params.textOrUnset("description"),
    phone: params.textOrUnset("phone"),
    balance: params.integer("balance", Number.MIN_SAFE_INTEGER),
    defaultPaymentMethod: settings.textOrUnset("default_payment_method"),
  };
}

const create = defineEndpoint({
  method: "POST",
  path: "/v1/customers",
  params: [...FIELDS, "payment_method", "test_clock"],
  answers: "customer",
  read: (params) => {
    checkPaymentMethod(params.text("payment_method"), "payment_method");
    return {
      fields: readFields(params),
      paymentMethod: params.text("payment_method"),
      testClock: params.text("test_clock"),
      metadata: changedMetadata({}, params.metadata()),
    };
  },
  execute: (change, { fields, paymentMethod, testClock, metadata }) => {
    const clock = testClock === undefined ? undefined : change.objects["test_helpers.test_clock"].get(testClock);
    if (testClock !== undefined && clock === undefined) throw referenceMissing("test_clock", testClock, "test_clock");
    if (clock !== undefined) change.moveTo(clock.frozen_time);
    const customer = change.put(customerObject({ ...fields, testClock, metadata, created: change.now }));
    record(change, "customer.created", customer, { customer: customer.id, metadata: customer.metadata });
    attachGiven(change, customer.id, paymentMethod);
    return customer;
  },
});

const update = defineEndpoint({
  method: "POST",
  path: "/v1/customers/:id",
  params: FIELDS,
  answers: "customer",
  read: (params, id) => ({ id, fields: readFields(params), metadata: params.metadata() }),
  execute: (change, { id, fields: { defaultPaymentMethod, ...fields }, metadata }) => {
    const before = customerNamed(change, id);
    followClockOf(change, id);
    const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
    const settings = { ...before.invoice_settings };
    if (defaultPaymentMethod !== undefined) settings.default_payment_method = defaultPaymentMethod;
    const updated = {
      ...before,
      ...given,
      invoice_settings: settings,
      metadata: changedMetadata(before.metadata, metadata),
    };
    if (JSON.stringify(updated) === JSON.stringify(before)) return before;
    record(change, "customer.updated", change.put(updated), { customer: id, metadata: updated.metadata });
    return updated;
  },
});

const retrieve = defineEndpoint({
  method: "GET",
  path: "/v1/customers/:id",
  params: [],
  answers: "customer",
  read: (_params, id) => id,
  execute: customerNamed,
});

export const customerEndpoints: readonly Endpoint[] = [create, update, retrieve];

function customerNamed({ objects }: Change, id: string): StoredCustomer {
  const customer = objects.customer.get(id);
  if (customer === undefined) throw resourceMissing("customer", id, "id");
  return customer;
}

/** Attaches what can be attached. Ids that the stand-in has never seen are cards all the same, and need no attaching. */
function attachGiven(change: Change, customer: string, paymentMethod: string | undefined): void {
  if (paymentMethod === undefined) return;
  const isKnown = change.objects.payment_method.get(paymentMethod) !== undefined;
  if (isKnown || cardOfToken(paymentMethod) !== undefined) attachMethod(change, paymentMethod, customer);
}
