import { sql } from "drizzle-orm";
import type { Change } from "../contract/change.ts";
import { finalStatuses, isOneOf } from "../contract/contract.ts";
import { awaitingReasons } from "../inbox/decide-event.ts";
import { waitsFor } from "./event-parts.ts";
import { json, type Part } from "./guarded-statement.ts";
import type { ContractGuard } from "./operation-parts.ts";
import { supersededPart } from "./refund-parts.ts";

/** What an operation changes of its contract, and what that was decided from. */
export interface Decision {
  readonly operationId: string;
  readonly contractId: string;
  /** Null for a registration: there is no contract yet. */
  readonly contract: ContractGuard | null;
  /** The product from whose month a reservation, or from whose kind a registration, was decided; null if none was known. */
  readonly product: { readonly id: string; readonly version: number } | null;
  readonly change: Change;
}

/*
 * The parts below write what several operations change, of a contract each, so that many can be settled in one statement. A
 * count holds for all of them together, which is as strict: no row is met twice, so a sum that fits leaves out none.
 */

/**
 * Takes the contracts' next versions, if each still has the one that was read, and writes what the changes say of the
 * contract itself. Locks the rows in the order of the list.
 */
export function contractsPart(decisions: readonly Decision[]): Part {
  const rows = decisions.map(({ contractId, contract, operationId, change }) => {
    const { status, endedAt, reservation, subscriptionId } = change;
    return {
      id: contractId,
      version: contract?.version,
      operationId,
      status,
      ends: status !== undefined && isOneOf(status, finalStatuses),
      endedAt,
      reserves: reservation !== undefined,
      ...reservation,
      subscriptionId,
      ...periodsSettled(change),
    };
  });
  return {
    name: "contract",
    rows: rows.length,
    statement: sql`update keiyaku.contracts c set version = c.version + 1, changed_by_operation_id = m."operationId",
        updated_at = clock_timestamp(), status = coalesce(m."status", c.status),
        ended_at = case when m."ends" then coalesce(m."endedAt", clock_timestamp()) else c.ended_at end,
        termination_on = case when m."reserves" then m."terminationOn" else c.termination_on end,
        termination_source = case when m."reserves" then m."terminationSource" else c.termination_source end,
        termination_asked_by = case when m."reserves" then m."askedBy" else c.termination_asked_by end,
        former_stripe_subscription_ids = case when m."subscriptionId" is null then c.former_stripe_subscription_ids
          else c.former_stripe_subscription_ids || c.stripe_subscription_id end,
        stripe_subscription_id = coalesce(m."subscriptionId", c.stripe_subscription_id),
        renewal_due_on = case when c.renewal_due_on is null or not m."settles" then c.renewal_due_on
          else greatest(c.renewal_due_on, keiyaku.renewal_date(c.start_on, 1 + greatest(m."lastNew",
            (select max(p.period) from keiyaku.payments p where p.id = any (m."moved") and p.contract_id = c.id)))) end
      from jsonb_to_recordset(${json(rows)}) as m("id" text, "version" integer, "operationId" text,
        "status" keiyaku.contract_status, "ends" boolean, "endedAt" timestamptz, "reserves" boolean,
        "terminationOn" date, "terminationSource" keiyaku.reservation_source, "askedBy" keiyaku.reservation_source,
        "subscriptionId" text, "settles" boolean, "lastNew" integer, "moved" text[])
      where c.id = m."id" and c.version = m."version" returning c.id`,
  };
}

/**
 * What the history settles from now on is renewed no more: `renewal_due_on` goes to the first day after the last such period,
 * and never back. What an older period lacks is not made up for.
 */
function periodsSettled({ newPayments = [], paymentMoves = [] }: Change) {
  const periods = newPayments.flatMap(({ period, state }) => (period === null || state === "due" ? [] : [period]));
  const moved = paymentMoves.filter(({ to }) => to !== "due").map(({ id }) => id);
  return {
    settles: periods.length > 0 || moved.length > 0,
    lastNew: periods.length > 0 ? Math.max(...periods) : null,
    moved,
  };
}

/** Makes sure that the products from which a reservation or a registration was decided are still the same. */
export function productsUnchangedPart(decisions: readonly Decision[]): Part[] {
  const read = new Map(
    decisions.flatMap(({ product, change }) =>
      product !== null && isDecidedByProduct(change) ? [[`${product.id} ${product.version}`, product]] : [],
    ),
  );
  if (read.size === 0) return [];
  return [
    {
      name: "product",
      rows: read.size,
      statement: sql`select p.id from jsonb_to_recordset(${json([...read.values()])}) as m("id" text, "version" integer)
        join keiyaku.products p on p.id = m."id" and p.version = m."version" for share of p`,
    },
  ];
}

/** A registration is held against the product's kind; a reservation is made and lifted by its month, but not by an end. */
function isDecidedByProduct({ registration, reservation, status }: Change): boolean {
  const hasEnded = status !== undefined && isOneOf(status, finalStatuses);
  return registration !== undefined || (reservation !== undefined && !hasEnded);
}

/** The rows that belong to the contracts: payments, refunds, licenses, mail; and the events that waited for them. */
export function changeParts(decisions: readonly Decision[]): Part[] {
  return [
    ...moneyParts(decisions),
    ...licenseParts(decisions),
    ...noticeParts(decisions),
    ...awaitingEventsPart(decisions),
  ];
}

/** One list of what each change has of a sort, every item with its contract's and its operation's id. */
function itemsOf<T extends object>(decisions: readonly Decision[], of: (change: Change) => readonly T[] | undefined) {
  return decisions.flatMap(({ contractId, operationId, change }) =>
    (of(change) ?? []).map((item) => ({ ...item, contractId, operationId })),
  );
}

function moneyParts(decisions: readonly Decision[]): Part[] {
  const newPayments = itemsOf(decisions, ({ newPayments }) => newPayments);
  const paymentMoves = itemsOf(decisions, ({ paymentMoves }) => paymentMoves);
  const disputes = itemsOf(decisions, ({ disputes }) => disputes);
  if (disputes.some(({ paymentId }) => paymentMoves.some(({ id }) => id === paymentId))) {
    throw new Error("one statement cannot move a payment and its dispute");
  }
  const parts: Part[] = [];
  if (disputes.length > 0) {
    parts.push({
      name: "disputed_payments",
      rows: disputes.length,
      statement: sql`update keiyaku.payments p set dispute = m."dispute"
        from jsonb_to_recordset(${json(disputes)}) as m("paymentId" text, "contractId" text, "dispute" keiyaku.dispute_state)
        where p.id = m."paymentId" and p.contract_id = m."contractId" returning p.id`,
    });
  }
  if (newPayments.length > 0) {
    parts.push({
      name: "new_payments",
      rows: newPayments.length,
      statement: sql`insert into keiyaku.payments (id, contract_id, subject, period, starts_on, amount_minor, state, paid_at,
          stripe_payment_intent_id, stripe_invoice_id)
        select "id", "contractId", "subject", "period", "startsOn", "amountMinor", "state", "paidAt",
          "stripePaymentIntentId", "stripeInvoiceId"
        from jsonb_to_recordset(${json(newPayments)}) as r("id" text, "contractId" text,
          "subject" keiyaku.payment_subject, "period" integer, "startsOn" date, "amountMinor" bigint,
          "state" keiyaku.payment_state, "paidAt" timestamptz, "stripePaymentIntentId" text, "stripeInvoiceId" text)
        returning id`,
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
        from jsonb_to_recordset(${json(paymentMoves)}) as m("id" text, "contractId" text, "from" keiyaku.payment_state,
          "to" keiyaku.payment_state, "paidAt" timestamptz, "stripePaymentIntentId" text, "stripeInvoiceId" text,
          "amountMinor" bigint)
        where p.id = m."id" and p.contract_id = m."contractId" and p.state = m."from" returning p.id`,
    });
  }
  return [...parts, ...refundParts(decisions)];
}

function refundParts(decisions: readonly Decision[]): Part[] {
  const newRefunds = itemsOf(decisions, ({ newRefunds }) => newRefunds);
  const refundMoves = itemsOf(decisions, ({ refundMoves }) => refundMoves);
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
        select "id", "contractId", "paymentId", "amountMinor", "state", "stripePaymentIntentId", "stripeRefundId",
          "operationId", case when "state" in ('succeeded', 'manual_done', 'waived') then clock_timestamp() end
        from jsonb_to_recordset(${json(newRefunds)}) as r("id" text, "contractId" text, "operationId" text,
          "paymentId" text, "amountMinor" bigint, "state" keiyaku.refund_state, "stripePaymentIntentId" text,
          "stripeRefundId" text) returning id`,
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
        from jsonb_to_recordset(${json(refundMoves)}) as m("id" text, "contractId" text, "from" keiyaku.refund_state,
          "to" keiyaku.refund_state, "stripeRefundId" text, "amountMinor" bigint)
        where r.id = m."id" and r.contract_id = m."contractId" and r.state = m."from" and r.superseded_by is null
        returning r.id`,
    });
  }
  return parts;
}

function licenseParts(decisions: readonly Decision[]): Part[] {
  const moves = itemsOf(decisions, ({ licenses }) => licenses);
  const granted = moves.filter((move) => move.type === "granted");
  const restored = moves.filter((move) => move.type === "restored");
  const revoked = moves.filter((move) => move.type === "revoked");
  const parts: Part[] = [];
  if (granted.length > 0) {
    parts.push({
      name: "granted_licenses",
      rows: granted.length,
      statement: sql`insert into keiyaku.licenses (payment_id, contract_id)
        select "paymentId", "contractId" from jsonb_to_recordset(${json(granted)})
          as r("paymentId" text, "contractId" text)
        returning payment_id`,
    });
  }
  if (restored.length > 0) {
    parts.push({
      name: "restored_licenses",
      rows: restored.length,
      statement: sql`update keiyaku.licenses l set revoked_at = null, revoked_because = null
        from jsonb_to_recordset(${json(restored)})
          as m("paymentId" text, "contractId" text, "from" keiyaku.license_revocation)
        where l.payment_id = m."paymentId" and l.contract_id = m."contractId" and l.revoked_because = m."from"
        returning l.payment_id`,
    });
  }
  if (revoked.length > 0) {
    parts.push({
      name: "revoked_licenses",
      rows: revoked.length,
      statement: sql`update keiyaku.licenses l set revoked_at = clock_timestamp(), revoked_because = m."because"
        from jsonb_to_recordset(${json(revoked)})
          as m("paymentId" text, "contractId" text, "because" keiyaku.license_revocation)
        where l.payment_id = m."paymentId" and l.contract_id = m."contractId" and l.revoked_at is null
        returning l.payment_id`,
    });
  }
  return parts;
}

/**
 * Events that waited for a contract with what is known of this one from now on are due, and so are those that were taken for
 * nobody's of ours.
 */
function awaitingEventsPart(decisions: readonly Decision[]): Part[] {
  const learned = [...new Set(decisions.flatMap(({ change }) => idsLearned(change)))];
  if (learned.length === 0) return [];
  return [
    {
      name: "awaiting_events",
      rows: "any",
      statement: sql`update keiyaku.stripe_events
        set look_at = clock_timestamp(), concluded_at = null,
          looks = case state when 'ignored' then 0 else looks end,
          state = case state when 'ignored' then 'received' else state end
        where ${waitsFor(learned.flatMap(awaitingReasons))}
          and (state in ('unmatched', 'received') or state = 'ignored' and body is not null)
        returning id, pg_notify('keiyaku_event', '')`,
    },
  ];
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
  return ids.filter((id) => typeof id === "string");
}

function noticeParts(decisions: readonly Decision[]): Part[] {
  const notices = itemsOf(decisions, ({ notices }) => notices);
  // A mail that is sent once for something which several operations may tell of may be in the outbox already.
  const shared = notices.filter(({ cause }) => cause !== undefined);
  const own = notices.filter(({ cause }) => cause === undefined);
  const insert = (
    rows: readonly object[],
  ) => sql`insert into keiyaku.notifications (cause, kind, recipient, contract_id, detail)
    select coalesce("cause", "operationId"), "kind", "recipient", "contractId", "detail"
    from jsonb_to_recordset(${json(rows)}) as r("kind" text, "recipient" text, "contractId" text, "operationId" text,
      "detail" jsonb, "cause" text)`;
  const parts: Part[] = [];
  if (own.length > 0) parts.push({ name: "notices", rows: own.length, statement: sql`${insert(own)} returning id` });
  if (shared.length > 0) {
    const statement = sql`${insert(shared)} on conflict (cause, kind, recipient) where copy_of is null do nothing returning id`;
    parts.push({ name: "shared_notices", rows: "any", statement });
  }
  return parts;
}
