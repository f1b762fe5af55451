/** A payload that could not even be handed to the ledger's door: too large, malformed text, or not JSON. */
export interface Unreadable {
  readonly requestId: string | null;
  /** The contract that it is for, as far as that can be read. */
  readonly contractId: string | null;
  readonly field: string;
  readonly problem: string;
  /** The beginning of what arrived, already storable. */
  readonly content: string;
  readonly sizeBytes: number;
  /** SHA-256 of what arrived, as 64 hexadecimal digits. */
  readonly contentHash: string;
}
