import type { Work } from "./do-work.ts";
import type { Outcomes } from "./read-outcomes.ts";

/** Where every line of the file of requests went. */
export interface Account {
  readonly requests: number;
  /** Those that are operations of the ledger, and have come to their end. */
  readonly operations: number;
  /** The same request again. */
  readonly repeated: number;
  /** Another request under a used id. */
  readonly reused: number;
  /** Refused by the client, and by the ledger when they were brought to it by SQL. */
  readonly refused: number;
}

/** Makes the account: of the requests from what was sent, of the rest from what the ledger says. */
export function accountOf(requests: number, work: Work, { refusals }: Outcomes): Account {
  const refusedAs = (code: string) =>
    refusals.reduce((sum, refusal) => sum + (refusal.code === code ? refusal.count : 0), 0);
  return {
    requests,
    operations: work.concluded,
    repeated: work.repeated,
    reused: refusedAs("id_reused"),
    refused: refusedAs("invalid_request"),
  };
}

/** How many requests nobody can account for. Must be none: nothing is ever dropped. */
export function unaccountedIn({ requests, operations, repeated, reused, refused }: Account): number {
  return requests - operations - repeated - reused - refused;
}
