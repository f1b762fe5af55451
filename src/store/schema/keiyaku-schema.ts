import { type AnyColumn, type SQL, sql } from "drizzle-orm";
import { bigint, date, pgSchema, timestamp } from "drizzle-orm/pg-core";
import {
  contractKinds,
  contractOrigins,
  contractStatuses,
  disputeStates,
  licenseRevocations,
  paymentMethods,
  paymentStates,
  paymentSubjects,
  productAccesses,
  refundStates,
  reservationSources,
} from "../../contract/contract.ts";
import { actorTypes, operationKinds, operationStates } from "../../contract/operation.ts";
import { rejectionCodes } from "../../contract/rejection.ts";

/** The PostgreSQL schema that holds everything of ours, so that it can live beside another service's tables. */
export const keiyaku = pgSchema("keiyaku");

/** The domain's closed vocabularies as enum types: the same words in code, table, log and document. */
export const contractKind = keiyaku.enum("contract_kind", contractKinds);
export const paymentMethod = keiyaku.enum("payment_method", paymentMethods);
export const contractOrigin = keiyaku.enum("contract_origin", contractOrigins);
export const contractStatus = keiyaku.enum("contract_status", contractStatuses);
export const reservationSource = keiyaku.enum("reservation_source", reservationSources);
export const paymentSubject = keiyaku.enum("payment_subject", paymentSubjects);
export const paymentState = keiyaku.enum("payment_state", paymentStates);
export const disputeState = keiyaku.enum("dispute_state", disputeStates);
export const refundState = keiyaku.enum("refund_state", refundStates);
export const licenseRevocation = keiyaku.enum("license_revocation", licenseRevocations);
export const productAccess = keiyaku.enum("product_access", productAccesses);
export const operationKind = keiyaku.enum("operation_kind", operationKinds);
export const operationState = keiyaku.enum("operation_state", operationStates);
export const actorType = keiyaku.enum("actor_type", actorTypes);
export const rejectionCode = keiyaku.enum("rejection_code", rejectionCodes as [string, ...string[]]);

/**
 * A moment, to the millisecond, always with its zone: what JavaScript reads back is what was written. Rounded, it may lie half
 * a millisecond ahead of the clock that was read for it: whoever asks whether it has come allows for one.
 */
export function instant(name: string) {
  return timestamp(name, { precision: 3, withTimezone: true, mode: "string" });
}

/** A business date, `YYYY-MM-DD`. */
export function businessDate(name: string) {
  return date(name, { mode: "string" });
}

/** An amount in the currency's minor unit. At most twelve digits, Stripe's largest, and so exact as a number. */
export function amountMinor(name: string) {
  return bigint(name, { mode: "number" });
}

/** An amount's bounds as a check: never negative, never more than Stripe takes. */
export function isAmount(column: AnyColumn, least = 0): SQL {
  return sql`${column} between ${sql.raw(String(least))} and 999999999999`;
}

/** JSON that is an object, or null. JSON text that comes without its cast would be stored as a JSON string, and stay one. */
export function isObject(column: AnyColumn): SQL {
  return sql`jsonb_typeof(${column}) = 'object'`;
}

/** The form of an id that a producer chooses. */
export function isId(column: AnyColumn): SQL {
  return sql`${column} ~ '^[A-Za-z0-9._-]{1,64}$'`;
}
