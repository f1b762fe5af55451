import type { z } from "zod";
import type {
  acceptanceSchema,
  acceptedOperationSchema,
  contractButtonsSchema,
  contractHistorySchema,
  operationSchema,
  planSchema,
} from "../http/api-schemas.ts";

/** An operation as the ledger answers its acceptance. */
export type AcceptedOperation = z.output<typeof acceptedOperationSchema>;

/** The ledger has it: `accepted` by this request, or before it by the same one (`duplicate`). */
export type Acceptance = z.output<typeof acceptanceSchema>;

/** An operation as it stands. */
export type Operation = z.output<typeof operationSchema>;

/** A contract with its payments, refunds and licenses, and what was done to it. */
export type ContractHistory = z.output<typeof contractHistorySchema>;

/** Which operations a contract offers now, and why not the others. */
export type ContractButtons = z.output<typeof contractButtonsSchema>;

/** What an operation would do; its `digest` is what a request carries as `expectedPlan`. */
export type Plan = z.output<typeof planSchema>;

/** What became of an operation, told apart by `state`. */
export type Outcome =
  | {
      readonly state: "succeeded";
      readonly operation: Operation;
      /** The statuses that it led between, and under `attention` what is owed or odd although it is done. */
      readonly outcome: NonNullable<Operation["outcome"]>;
    }
  /** A rule said no. */
  | {
      readonly state: "rejected";
      readonly operation: Operation;
      readonly code: string;
      /** What the code is about: a status, a date; for `plan_changed` also the new plan. */
      readonly detail: Readonly<Record<string, unknown>>;
      /** For people; null for a code that only a newer version knows. */
      readonly sentences: { readonly ja: string; readonly en: string } | null;
    }
  /** A person has to decide; nothing is lost, and it is not final. */
  | { readonly state: "held"; readonly operation: Operation; readonly question: NonNullable<Operation["heldQuestion"]> }
  /** A person has given it up. */
  | {
      readonly state: "abandoned";
      readonly operation: Operation;
      readonly abandonment: NonNullable<Operation["abandonment"]>;
    };

/** The outcome of an operation; undefined while it is open. */
export function outcomeOf(operation: Operation): Outcome | undefined {
  const { state, outcome, rejectionCode, rejectionDetail, heldQuestion, abandonment, sentences } = operation;
  switch (state) {
    case "succeeded":
      return outcome === null ? undefined : { state, operation, outcome };
    case "rejected":
      return { state, operation, code: rejectionCode ?? "unknown", detail: rejectionDetail ?? {}, sentences };
    case "held":
      return heldQuestion === null ? undefined : { state, operation, question: heldQuestion };
    case "abandoned":
      return abandonment === null ? undefined : { state, operation, abandonment };
    case "requested":
    case "executing":
      return undefined;
  }
}
