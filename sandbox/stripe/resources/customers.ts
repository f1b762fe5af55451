import { checkPaymentMethod } from "../billing/cards.ts";
import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { resourceMissing } from "../core/errors.ts";
import { changedMetadata } from "../core/params.ts";
import { customerObject } from "../objects/customer.ts";

const create = defineEndpoint({
  method: "POST",
  path: "/v1/customers",
  params: [
    "name",
    "email",
    "description",
    "phone",
    "payment_method",
    "invoice_settings[default_payment_method]",
    "metadata[]",
  ],
  answers: "customer",
  read: (params) => {
    const settings = params.map("invoice_settings");
    checkPaymentMethod(params.text("payment_method"), "payment_method");
    const defaultPaymentMethod = settings.text("default_payment_method");
    checkPaymentMethod(defaultPaymentMethod, settings.nameOf("default_payment_method"));
    return {
      name: params.text("name"),
      email: params.text("email"),
      description: params.text("description"),
      phone: params.text("phone"),
      defaultPaymentMethod,
      metadata: changedMetadata({}, params.metadata()),
    };
  },
  execute: (change, input) => {
    const customer = change.put(customerObject({ ...input, created: change.now }));
    change.record({
      effect: "customer.created",
      object: "customer",
      objectId: customer.id,
      customer: customer.id,
      metadata: customer.metadata,
    });
    return customer;
  },
});

const retrieve = defineEndpoint({
  method: "GET",
  path: "/v1/customers/:id",
  params: [],
  answers: "customer",
  read: (_params, id) => id,
  execute: (change, id) => {
    const customer = change.objects.customer.get(id);
    if (customer === undefined) throw resourceMissing("customer", id, "id");
    return customer;
  },
});

export const customerEndpoints: readonly Endpoint[] = [create, retrieve];
