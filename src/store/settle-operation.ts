import { type SQL, sql } from "drizzle-orm";
import type { Change, NewPayment, Registration } from "../contract/change.ts";
import { finalStatuses, isOneOf } from "../contract/contract.ts";
import { awaitingReasons } from "../inbox/decide-event.ts";
import type { Database } from "./database.ts";
import { erasureParts } from "./erase-contract.ts";
import { waitsFor } from "./event-parts.ts";
import { json, type Part } from "./guarded-statement.ts";
import { ringSenders } from "./notify-soon.ts";
import {
  type ContractGuard,
  concluded,
  contractPart,
  type Guard,
  operationPart,
  productUnchangedPart,
} from "./operation-parts.ts";
import { supersededPart } from "./refund-parts.ts";
import { type Ringing, runFreeing } from "./ring-list.ts";

/** A decided operation, ready to be written down. */
export interface Settlement {
  readonly guard: Guard;
  readonly contractId: string;
  /** Null for a registration: there is no contract yet. */
  readonly contract: ContractGuard | null;
  /** The product from whose month a reservation, or from whose kind a registration, was decided; null if none was known. */
  readonly product: { readonly id: string; readonly version: number } | null;
  readonly change: Change;
  /** What the ledger keeps of it: the status before and after, and what a person should know. */
  readonly outcome: Readonly<Record<string, unknown>>;
}

/**
 * Writes an operation's end in one guarded statement: status, payments, refunds, licenses, mail, outcome; and the contract
 * is free: returns the operation to ring for. From `requested` this is its admission too. A conflict means that nothing was written: decide again.
 */
export async function settleOperation(db: Database, settlement: Settlement): Promise<Ringing | undefined> {
  const { guard, change, contract, product } = settlement;
  const counted =
    guard.state === "requested" ? sql`, attempt = attempt + 1, attempts_counted = attempts_counted + 1` : sql``;
  const parts: Part[] = [
    operationPart(
      guard,
      sql`${concluded("succeeded")}, outcome = ${json(settlement.outcome)}${counted}${
        // Of a deletion, and of what is done after it, remains what it did, not why, nor what stood there before.
        change.deletion === undefined && contract?.isTombstone !== true ? sql`` : sql`, ${withoutWords}`
      }`,
    ),
  ];
  if (change.deletion !== undefined) {
    if (contract === null) throw new Error("a deletion needs a contract");
    parts.push(...erasureParts(contract, guard.operationId, change.deletion));
  } else if (contract !== null) {
    const assignments = contract.isTombstone === true ? burialAssignments(change) : contractAssignments(change);
    parts.push(contractPart(contract, guard.operationId, assignments));
  }
  if (change.registration !== undefined) {
    parts.push(
      ...registrationParts(change.registration, change.newPayments ?? [], guard.operationId, product !== null),
    );
  }
  if (product !== null && isDecidedByProduct(change)) parts.push(productUnchangedPart(product.id, product.version));
  parts.push(...moneyParts(settlement), ...licenseParts(settlement), ...noticeParts(settlement));
  parts.push(...eventParts(settlement));
  const ringing = await runFreeing(db, "settle_operation", parts, settlement.contractId);
  if ((change.notices ?? []).length > 0) ringSenders(db);
  return ringing;
}

/** Forgets everything of an operation's row that a person has written, and what stood there before. */
const withoutWords = sql`reason = null, frozen_facts = null,
  retries = (select coalesce(jsonb_agg(r || '{"reason": ""}'), '[]') from jsonb_array_elements(retries) as r)`;

/** A registration is held against the product's kind; a reservation is made and lifted by its month, but not by an end. */
function isDecidedByProduct({ registration, reservation, status }: Change): boolean {
  const hasEnded = status !== undefined && isOneOf(status, finalStatuses);
  return registration !== undefined || (reservation !== undefined && !hasEnded);
}

function burialAssignments({ burial = {} }: Change) {
  const { forgetCustomer = false, latePayments = [], stripeIds = [] } = burial;
  return forgetCustomer || latePayments.length > 0
    ? sql`customer_id = case when ${forgetCustomer}::boolean then null else customer_id end,
        payments = payments || ${json(latePayments)},
        stripe_ids = stripe_ids || array(
          select id from jsonb_array_elements_text(${json(stripeIds)}) as learned(id) where id <> all (stripe_ids))`
    : undefined;
}

function contractAssignments(change: Change) {
  const { status, endedAt, reservation, subscriptionId } = change;
  const assignments = renewalAssignments(change);
  if (subscriptionId !== undefined) {
    assignments.push(
      sql`former_stripe_subscription_ids = former_stripe_subscription_ids || stripe_subscription_id,
        stripe_subscription_id = ${subscriptionId}`,
    );
  }
  if (status !== undefined) {
    assignments.push(sql`status = ${status}::keiyaku.contract_status`);
    if (isOneOf(status, finalStatuses)) {
      assignments.push(sql`ended_at = coalesce(${endedAt ?? null}::text::timestamptz, clock_timestamp())`);
    }
  }
  if (reservation !== undefined) {
    assignments.push(
      sql`termination_on = ${reservation?.terminationOn ?? null}::date,
        termination_source = ${reservation?.terminationSource ?? null}::keiyaku.reservation_source,
        termination_asked_by = ${reservation?.askedBy ?? null}::keiyaku.reservation_source`,
    );
  }
  return assignments.length === 0 ? undefined : sql.join(assignments, sql`, `);
}

/**
 * What the history settles from now on is renewed no more: `renewal_due_on` goes to the first day after the last such period,
 * and never back. What an older period lacks is not made up for.
 */
function renewalAssignments({ newPayments = [], paymentMoves = [] }: Change): SQL[] {
  const settled = newPayments.flatMap(({ period, state }) => (period === null || state === "due" ? [] : [period]));
  const moved = paymentMoves.filter(({ to }) => to !== "due").map(({ id }) => id);
  if (settled.length === 0 && moved.length === 0) return [];
  const last = sql`greatest(${settled.length === 0 ? null : Math.max(...settled)}::integer,
    (select max(p.period) from keiyaku.payments p
      where p.id in (select jsonb_array_elements_text(${json(moved)})) and p.contract_id = contracts.id))`;
  return [
    sql`renewal_due_on = case when renewal_due_on is not null
      then greatest(renewal_due_on, keiyaku.renewal_date(start_on, 1 + ${last})) end`,
  ];
}

/** The first period of a new contract that the calendar has to record; none where Stripe collects, or nobody by the month. */
function firstRenewalOf({ kind, paymentMethod }: Registration["contract"], newPayments: readonly NewPayment[]) {
  if (kind !== "monthly" || paymentMethod === "card") return null;
  return Math.max(0, ...newPayments.map(({ period, state }) => (period === null || state === "due" ? 0 : period + 1)));
}

function registrationParts(
  { contract, product, customer, signup }: Registration,
  newPayments: readonly NewPayment[],
  operationId: string,
  isProductKnown: boolean,
): Part[] {
  const parts: Part[] = [
    {
      name: "registered",
      rows: 1,
      statement: sql`insert into keiyaku.contracts (id, product_id, customer_id, kind, payment_method, origin, status, currency,
          price_minor, initial_fee_minor, special_price_minor, special_months, start_on, termination_on, termination_source,
          renewal_due_on, ended_at, stripe_customer_id, stripe_subscription_id, former_stripe_subscription_ids, stripe_payment_intent_id,
          version, changed_by_operation_id)
        select "id", "productId", "customerId", "kind", "paymentMethod", "origin", "status", "currency", "priceMinor",
          "initialFeeMinor", "specialPriceMinor", "specialMonths", "startOn", "terminationOn", "terminationSource",
          keiyaku.renewal_date("startOn", ${firstRenewalOf(contract, newPayments)}::integer), "endedAt", "stripeCustomerId",
          "stripeSubscriptionId", "formerStripeSubscriptionIds", "stripePaymentIntentId", 1, ${operationId}
        from jsonb_to_record(${json(contract)}) as r("id" text, "productId" text, "customerId" text,
          "kind" keiyaku.contract_kind, "paymentMethod" keiyaku.payment_method, "origin" keiyaku.contract_origin,
          "status" keiyaku.contract_status, "currency" text, "priceMinor" bigint, "initialFeeMinor" bigint,
          "specialPriceMinor" bigint, "specialMonths" integer, "startOn" date, "terminationOn" date,
          "terminationSource" keiyaku.reservation_source, "endedAt" timestamptz, "stripeCustomerId" text,
          "stripeSubscriptionId" text, "formerStripeSubscriptionIds" text[], "stripePaymentIntentId" text) returning id`,
    },
  ];
  // One that somebody else has brought along meanwhile may be of another kind: then it is decided again.
  if (product !== null && !isProductKnown) {
    parts.push({ name: "cataloged_product", rows: 1, statement: insertProduct(product) });
  }
  if (customer !== null) parts.push({ name: "cataloged_customer", rows: "any", statement: insertCustomer(customer) });
  if (signup !== null) {
    parts.push({
      name: "signup",
      rows: 1,
      statement: sql`insert into keiyaku.signups (contract_id, applied_at, channel)
        values (${contract.id}, ${signup.appliedAt}::text::timestamptz, ${signup.channel}) returning contract_id`,
    });
  }
  return parts;
}

/** Writes a product unless one of its id is known; that one is then left as it is. */
export function insertProduct(product: NonNullable<Registration["product"]>) {
  return sql`insert into keiyaku.products (id, kind, access, price_minor, automatic_termination_month)
    values (${product.id}, ${product.kind}::keiyaku.contract_kind, ${product.access}::keiyaku.product_access,
      ${product.priceMinor}, ${product.automaticTerminationMonth})
    on conflict (id) do nothing returning id`;
}

/**
 * Writes a customer unless one of this id is known; that one is then left as it is. One who was erased is known again in
 * the version that they had, so that puts from before stay late.
 */
export function insertCustomer(customer: NonNullable<Registration["customer"]>) {
  return sql`insert into keiyaku.customers (id, email, name, locale, version)
    values (${customer.id}, ${customer.email}, ${customer.name}, ${customer.locale},
      coalesce((select version from keiyaku.erased_customers where id = ${customer.id}), 1))
    on conflict (id) do nothing returning id`;
}

function moneyParts({ change, contractId, guard }: Settlement): Part[] {
  const { newPayments = [], paymentMoves = [], disputes = [] } = change;
  const parts: Part[] = [];
  if (disputes.length > 0) {
    const moved = disputes.filter(({ paymentId }) => paymentMoves.some(({ id }) => id === paymentId));
    if (moved.length > 0) throw new Error("one statement cannot move a payment and its dispute");
    parts.push({
      name: "disputed_payments",
      rows: disputes.length,
      statement: sql`update keiyaku.payments p set dispute = m."dispute"
        from jsonb_to_recordset(${json(disputes)}) as m("paymentId" text, "dispute" keiyaku.dispute_state)
        where p.id = m."paymentId" and p.contract_id = ${contractId} returning p.id`,
    });
  }
  if (newPayments.length > 0) {
    parts.push({
      name: "new_payments",
      rows: newPayments.length,
      statement: sql`insert into keiyaku.payments (id, contract_id, subject, period, starts_on, amount_minor, state, paid_at,
          stripe_payment_intent_id, stripe_invoice_id)
        select "id", ${contractId}, "subject", "period", "startsOn", "amountMinor", "state", "paidAt",
          "stripePaymentIntentId", "stripeInvoiceId"
        from jsonb_to_recordset(${json(newPayments)}) as r("id" text, "subject" keiyaku.payment_subject, "period" integer,
          "startsOn" date, "amountMinor" bigint, "state" keiyaku.payment_state, "paidAt" timestamptz,
          "stripePaymentIntentId" text, "stripeInvoiceId" text) returning id`,
    });
  }
  if (paymentMoves.length > 0) {
    parts.push({
      name: "moved_payments",
      rows: paymentMoves.length,
      statement: sql`update keiyaku.payments p set state = m."to",
          paid_at = case when m."to" in ('paid', 'refunded') then coalesce(m."paidAt", p.paid_at) end,
          stripe_payment_intent_id = coalesce(m."stripePaymentIntentId", p.stripe_payment_intent_id),
          stripe_invoice_id = coalesce(m."stripeInvoiceId", p.stripe_invoice_id),
          amount_minor = coalesce(m."amountMinor", p.amount_minor)
        from jsonb_to_recordset(${json(paymentMoves)}) as m("id" text, "from" keiyaku.payment_state,
          "to" keiyaku.payment_state, "paidAt" timestamptz, "stripePaymentIntentId" text, "stripeInvoiceId" text,
          "amountMinor" bigint)
        where p.id = m."id" and p.contract_id = ${contractId} and p.state = m."from" returning p.id`,
    });
  }
  return [...parts, ...refundParts({ change, contractId, guard })];
}

function refundParts({ change, contractId, guard }: Pick<Settlement, "change" | "contractId" | "guard">): Part[] {
  const { newRefunds = [], refundMoves = [] } = change;
  if (refundMoves.some(({ id }) => newRefunds.some(({ supersedes }) => supersedes.includes(id)))) {
    throw new Error("one statement cannot move a refund and supersede it");
  }
  const parts: Part[] = [];
  if (newRefunds.length > 0) {
    parts.push({
      name: "new_refunds",
      rows: newRefunds.length,
      statement: sql`insert into keiyaku.refunds (id, contract_id, payment_id, amount_minor, state,
          stripe_payment_intent_id, stripe_refund_id, operation_id, settled_at)
        select "id", ${contractId}, "paymentId", "amountMinor", "state", "stripePaymentIntentId", "stripeRefundId",
          ${guard.operationId}, case when "state" in ('succeeded', 'manual_done', 'waived') then clock_timestamp() end
        from jsonb_to_recordset(${json(newRefunds)}) as r("id" text, "paymentId" text, "amountMinor" bigint,
          "state" keiyaku.refund_state, "stripePaymentIntentId" text, "stripeRefundId" text) returning id`,
    });
    if (newRefunds.some(({ supersedes }) => supersedes.length > 0)) parts.push(supersededPart(newRefunds));
  }
  if (refundMoves.length > 0) {
    parts.push({
      name: "moved_refunds",
      rows: refundMoves.length,
      statement: sql`update keiyaku.refunds r set state = m."to",
          stripe_refund_id = coalesce(m."stripeRefundId", r.stripe_refund_id),
          amount_minor = coalesce(m."amountMinor", r.amount_minor),
          refusal_code = case when m."to" in ('due', 'waived') then r.refusal_code end,
          settled_at = case when m."to" in ('succeeded', 'manual_done', 'waived') then clock_timestamp() end
        from jsonb_to_recordset(${json(refundMoves)}) as m("id" text, "from" keiyaku.refund_state,
          "to" keiyaku.refund_state, "stripeRefundId" text, "amountMinor" bigint)
        where r.id = m."id" and r.contract_id = ${contractId} and r.state = m."from" and r.superseded_by is null
        returning r.id`,
    });
  }
  return parts;
}

function licenseParts({ change, contractId }: Settlement): Part[] {
  const moves = change.licenses ?? [];
  const granted = moves.filter((move) => move.type === "granted");
  const restored = moves.filter((move) => move.type === "restored");
  const revoked = moves.filter((move) => move.type === "revoked");
  const parts: Part[] = [];
  if (granted.length > 0) {
    parts.push({
      name: "granted_licenses",
      rows: granted.length,
      statement: sql`insert into keiyaku.licenses (payment_id, contract_id)
        select "paymentId", ${contractId} from jsonb_to_recordset(${json(granted)}) as r("paymentId" text)
        returning payment_id`,
    });
  }
  if (restored.length > 0) {
    parts.push({
      name: "restored_licenses",
      rows: restored.length,
      statement: sql`update keiyaku.licenses l set revoked_at = null, revoked_because = null
        from jsonb_to_recordset(${json(restored)}) as m("paymentId" text, "from" keiyaku.license_revocation)
        where l.payment_id = m."paymentId" and l.contract_id = ${contractId} and l.revoked_because = m."from"
        returning l.payment_id`,
    });
  }
  if (revoked.length > 0) {
    parts.push({
      name: "revoked_licenses",
      rows: revoked.length,
      statement: sql`update keiyaku.licenses l set revoked_at = clock_timestamp(), revoked_because = m."because"
        from jsonb_to_recordset(${json(revoked)}) as m("paymentId" text, "because" keiyaku.license_revocation)
        where l.payment_id = m."paymentId" and l.contract_id = ${contractId} and l.revoked_at is null
        returning l.payment_id`,
    });
  }
  return parts;
}

/**
 * Events that waited for a contract with what is known of this one from now on are due, and so are those that were taken for
 * nobody's of ours; and what those said that became an
 * operation of a deleted one is forgotten, also when it was deleted while they were on their way.
 */
function eventParts({ change, contract, contractId, guard }: Settlement): Part[] {
  const parts: Part[] = [];
  const learned = idsLearned(change);
  if (learned.length > 0) {
    parts.push({
      name: "awaiting_events",
      rows: "any",
      statement: sql`update keiyaku.stripe_events
        set look_at = clock_timestamp(), concluded_at = null,
          looks = case state when 'ignored' then 0 else looks end,
          state = case state when 'ignored' then 'received' else state end
        where ${waitsFor(learned.flatMap(awaitingReasons))}
          and (state in ('unmatched', 'received') or state = 'ignored' and body is not null)
        returning id, pg_notify('keiyaku_event', '')`,
    });
  }
  if (contract?.isTombstone === true) {
    parts.push({
      name: "forgotten_events",
      rows: "any",
      statement: sql`update keiyaku.stripe_events set body = null
        where contract_id = ${contractId} and operation_id = ${guard.operationId} and body is not null returning id`,
    });
  }
  return parts;
}

/** By what of Stripe's the contract can be found after the change and perhaps not before. */
function idsLearned({
  registration,
  subscriptionId,
  newPayments = [],
  paymentMoves = [],
  burial = {},
}: Change): readonly string[] {
  const {
    stripeSubscriptionId,
    formerStripeSubscriptionIds = [],
    stripePaymentIntentId,
  } = registration?.contract ?? {};
  const ids = [
    subscriptionId,
    stripeSubscriptionId,
    ...formerStripeSubscriptionIds,
    stripePaymentIntentId,
    ...[...newPayments, ...paymentMoves].map((payment) => payment.stripePaymentIntentId),
    ...(burial.stripeIds ?? []),
  ];
  return [...new Set(ids.filter((id) => typeof id === "string"))];
}

function noticeParts({ change, contractId, guard }: Settlement): Part[] {
  const notices = change.notices ?? [];
  if (notices.length === 0) return [];
  // A mail that is sent once for something which several operations may tell of may be in the outbox already.
  const isShared = notices.some(({ cause }) => cause !== undefined);
  return [
    {
      name: "notices",
      rows: isShared ? "any" : notices.length,
      statement: sql`insert into keiyaku.notifications (cause, kind, recipient, contract_id, detail)
        select coalesce("cause", ${guard.operationId}), "kind", "recipient", ${contractId}, "detail"
        from jsonb_to_recordset(${json(notices)}) as r("kind" text, "recipient" text, "detail" jsonb, "cause" text)
        ${isShared ? sql`on conflict (cause, kind, recipient) do nothing` : sql``}
        returning id`,
    },
  ];
}
