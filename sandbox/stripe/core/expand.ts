import type Stripe from "stripe";
import type { Collections } from "./collections.ts";
import { invalidRequest } from "./errors.ts";
import { type ObjectKind, type StoredObjects, subscriptionOf } from "./stored.ts";

/** Stripe counts every segment of a path, `data` too. */
const LEVELS_MAX = 4;

/** As many as an embedded list shows. */
const EMBEDDED_MAX = 10;

type Stored = StoredObjects[ObjectKind];

/** How one property becomes an object, or a list of objects, of another kind. */
interface Expansion<K extends ObjectKind> {
  readonly kind: ObjectKind;
  readonly isList?: boolean;
  readonly load: (objects: Collections, from: StoredObjects[K]) => Stored | Stripe.ApiList<Stored> | null;
}

type Expansions = { readonly [K in ObjectKind]: Readonly<Record<string, Expansion<K>>> };

/**
 * What can be expanded, by the path inside the object. Stripe can expand more; a path that is missing here is refused
 * in the same way as one that does not exist.
 */
const EXPANSIONS: Expansions = {
  customer: {
    "invoice_settings.default_payment_method": {
      kind: "payment_method",
      load: (objects, customer) => get(objects.payment_method, customer.invoice_settings.default_payment_method),
    },
  },
  product: {},
  event: {},
  webhook_endpoint: {},
  "test_helpers.test_clock": {},
  payment_method: {
    customer: { kind: "customer", load: (objects, method) => get(objects.customer, method.customer) },
  },
  dispute: {
    charge: { kind: "charge", load: (objects, dispute) => get(objects.charge, dispute.charge) },
    payment_intent: {
      kind: "payment_intent",
      load: (objects, dispute) => get(objects.payment_intent, dispute.payment_intent),
    },
  },
  price: { product: { kind: "product", load: (objects, price) => get(objects.product, price.product) } },
  subscription: {
    customer: { kind: "customer", load: (objects, subscription) => get(objects.customer, subscription.customer) },
    latest_invoice: {
      kind: "invoice",
      load: (objects, subscription) => get(objects.invoice, subscription.latest_invoice),
    },
  },
  invoice: {
    customer: { kind: "customer", load: (objects, invoice) => get(objects.customer, invoice.customer) },
    payments: {
      kind: "invoice_payment",
      isList: true,
      load: ({ invoice_payment }, invoice) =>
        embeddedList(invoice_payment.newestFirst("invoice", invoice.id), `/v1/invoice_payments?invoice=${invoice.id}`),
    },
    "parent.subscription_details.subscription": {
      kind: "subscription",
      load: (objects, invoice) => get(objects.subscription, subscriptionOf(invoice)),
    },
  },
  invoiceitem: {
    customer: { kind: "customer", load: (objects, item) => get(objects.customer, item.customer) },
    invoice: { kind: "invoice", load: (objects, item) => get(objects.invoice, item.invoice) },
  },
  invoice_payment: {
    invoice: { kind: "invoice", load: (objects, payment) => get(objects.invoice, payment.invoice) },
    "payment.payment_intent": {
      kind: "payment_intent",
      load: (objects, payment) => get(objects.payment_intent, payment.payment.payment_intent),
    },
  },
  payment_intent: {
    customer: { kind: "customer", load: (objects, intent) => get(objects.customer, intent.customer) },
    latest_charge: { kind: "charge", load: (objects, intent) => get(objects.charge, intent.latest_charge) },
  },
  charge: {
    customer: { kind: "customer", load: (objects, charge) => get(objects.customer, charge.customer) },
    payment_intent: {
      kind: "payment_intent",
      load: (objects, charge) => get(objects.payment_intent, charge.payment_intent),
    },
    refunds: {
      kind: "refund",
      isList: true,
      load: ({ refund }, charge) =>
        embeddedList(refund.newestFirst("charge", charge.id), `/v1/charges/${charge.id}/refunds`),
    },
  },
  refund: {
    charge: { kind: "charge", load: (objects, refund) => get(objects.charge, refund.charge) },
    payment_intent: {
      kind: "payment_intent",
      load: (objects, refund) => get(objects.payment_intent, refund.payment_intent),
    },
  },
};

interface PlanNode {
  readonly expansion: Expansion<ObjectKind>;
  readonly below: ExpandPlan;
}

/** The paths of one request, checked and merged: path inside the object → what it becomes. */
export type ExpandPlan = Map<string, PlanNode>;

/** Checks the paths before anything is executed, so that a wrong one has no effect. */
export function planExpansions(paths: readonly string[], kind: ObjectKind, isList: boolean): ExpandPlan {
  const plan: ExpandPlan = new Map();
  for (const path of paths) {
    const segments = path.split(".");
    if (segments.length > LEVELS_MAX) {
      throw invalidRequest(`You cannot expand more than ${LEVELS_MAX} levels of a property. Property: ${path}`, {
        param: "expand",
      });
    }
    if (isList && segments.shift() !== "data") throw notExpandable(path);
    add(plan, kind, segments, path);
  }
  return plan;
}

/** The object with its planned properties replaced. The stored object stays as it is. */
export function expanded(objects: Collections, object: Stored, plan: ExpandPlan): Record<string, unknown> {
  let answer: Record<string, unknown> = { ...object };
  for (const [path, { expansion, below }] of plan) {
    const target = expansion.load(objects, object);
    if (target === null) continue;
    const value =
      target.object === "list"
        ? { ...target, data: target.data.map((element) => expanded(objects, element, below)) }
        : expanded(objects, target, below);
    answer = withValue(answer, path.split("."), value);
  }
  return answer;
}

function add(plan: ExpandPlan, kind: ObjectKind, segments: readonly string[], path: string): void {
  // The table is keyed by kind, so what is found there loads from an object of that kind.
  const expansions = EXPANSIONS[kind] as Readonly<Record<string, Expansion<ObjectKind>>>;
  const key = Object.keys(expansions).find((candidate) => startsWith(segments, candidate.split(".")));
  const expansion = key === undefined ? undefined : expansions[key];
  if (key === undefined || expansion === undefined) throw notExpandable(path);
  const node = plan.get(key) ?? { expansion, below: new Map() };
  plan.set(key, node);
  const rest = segments.slice(key.split(".").length);
  if (rest.length === 0) return;
  if (expansion.isList === true && rest.shift() !== "data") throw notExpandable(path);
  add(node.below, expansion.kind, rest, path);
}

function startsWith(segments: readonly string[], head: readonly string[]): boolean {
  return head.every((segment, position) => segments[position] === segment);
}

function notExpandable(path: string): Error {
  return invalidRequest(`This property cannot be expanded (${path}).`, { param: "expand" });
}

function get<T>(collection: { get(id: string): T | undefined }, id: string | null): T | null {
  return id === null ? null : (collection.get(id) ?? null);
}

function embeddedList<T>(newestFirst: Iterable<T>, url: string): Stripe.ApiList<T> {
  const data: T[] = [];
  for (const object of newestFirst) {
    if (data.length === EMBEDDED_MAX) return { object: "list", data, has_more: true, url };
    data.push(object);
  }
  return { object: "list", data, has_more: false, url };
}

function withValue(object: Record<string, unknown>, path: readonly string[], value: unknown): Record<string, unknown> {
  const [head, ...rest] = path;
  if (head === undefined) return object;
  if (rest.length === 0) return { ...object, [head]: value };
  const child = object[head];
  const inner = typeof child === "object" && child !== null ? { ...child } : {};
  return { ...object, [head]: withValue(inner, rest, value) };
}
