import type Stripe from "stripe";
import { refuseExclusive } from "../params/exclusive.ts";
import { paramsValidator } from "../params/validate.ts";
import type { Change } from "./change.ts";
import type { Collections } from "./collections.ts";
import type { StripeRefusal } from "./errors.ts";
import { type ExpandPlan, planExpansions } from "./expand.ts";
import type { Form } from "./form.ts";
import { ImitatedParams } from "./imitated-params.ts";
import { lockIdsOf } from "./lock-ids.ts";
import { Params } from "./params.ts";
import type { ObjectKind, StoredObjects, StoredWebhookEndpoint } from "./stored.ts";

export type Method = "GET" | "POST" | "DELETE";

export type Stored = StoredObjects[ObjectKind];

/** An object as it is shown when part of it stays at Stripe, or one that is no more. Nothing in it can be expanded. */
export type Shown = Omit<StoredWebhookEndpoint, "unsent"> | { id: string; object: ObjectKind; deleted: true };

/** What an endpoint answers: an object, a list, or a refusal whose effects stand. */
export type Answer = Stored | Shown | Stripe.ApiList<Stored | Shown> | StripeRefusal;

/**
 * One endpoint, in the two steps between which Stripe begins to store results.
 *
 * `read` checks the parameters alone; what it throws is a validation failure, which is never stored under an idempotency
 * key. `execute` sees the objects; what it throws or returns is stored. `execute` throws only before its first `put`, or
 * relies on being taken back.
 */
export interface EndpointDefinition<Input> {
  readonly method: Method;
  /** As the router writes it: `/v1/refunds/:id`. */
  readonly path: string;
  /** The names of the parameters it imitates (see `ImitatedParams`), without `expand`. */
  readonly params: readonly string[];
  /** The kind of object it answers with. */
  readonly answers: ObjectKind;
  readonly isList?: boolean;
  readonly read: (params: Params, id: string) => Input;
  readonly execute: (change: Change, input: Input) => Answer;
}

/** A request that passed its endpoint's validation. */
export interface PreparedRequest {
  readonly expand: ExpandPlan;
  readonly execute: (change: Change) => Answer;
  /** The ids that stay with this request while it is executed; of one that only reads, none. */
  readonly lockIds: (objects: Collections) => readonly string[];
}

export interface Endpoint {
  readonly method: Method;
  readonly path: string;
  /** Throws a `StripeRefusal` for parameters that do not pass. */
  readonly prepare: (form: Form, id: string) => PreparedRequest;
}

export function defineEndpoint<Input>(definition: EndpointDefinition<Input>): Endpoint {
  const name = `${definition.method} ${definition.path}`;
  const validate = paramsValidator(name, definition.params);
  const imitated = new ImitatedParams(definition.params);
  return {
    method: definition.method,
    path: definition.path,
    prepare: (form, id) => {
      validate(form);
      refuseExclusive(name, form.root);
      imitated.check(form);
      const params = new Params(form.root);
      const expand = planExpansions(params.texts("expand"), definition.answers, definition.isList ?? false);
      const input = definition.read(params, id);
      return {
        expand,
        execute: (change) => definition.execute(change, input),
        lockIds: (objects) =>
          definition.method === "GET" ? [] : lockIdsOf(objects, definition.answers, id, form.root),
      };
    },
  };
}
