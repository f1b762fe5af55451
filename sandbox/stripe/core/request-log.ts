import type { FaultMode } from "./fault-rule.ts";

/** One request that reached the stand-in's `/v1`, answered or not. */
export interface RequestRecord {
  /** Counts from 1 in the order of arrival. */
  readonly sequence: number;
  /** Arrival in wall-clock milliseconds, so that it can be compared with the times of other processes. */
  readonly at: number;
  readonly method: string;
  /** With its query string. */
  readonly path: string;
  /** Of the parameters as they were sent, query string and body: tells whether two requests asked for the same. */
  readonly parametersDigest: string;
  readonly idempotencyKey?: string;
  readonly requestId: string;
  /** The status that was sent; null while the request is at work, and for ever when its reply was destroyed. */
  status: number | null;
  /** True when the answer was a stored one: this request executed nothing. */
  replayed: boolean;
  /** The fault that met this request. */
  fault?: FaultMode;
}

/** The record of every request, in the order of arrival. */
export class RequestLog {
  #records: RequestRecord[] = [];
  #lastSequence = 0;
  readonly #persist: (record: RequestRecord) => void;

  /** @param persist is told of each record once it is final. */
  constructor(persist: (record: RequestRecord) => void) {
    this.#persist = persist;
  }

  receive(
    arrival: Pick<RequestRecord, "at" | "method" | "path" | "parametersDigest" | "requestId">,
    key: string | undefined,
  ): RequestRecord {
    this.#lastSequence += 1;
    const record: RequestRecord = {
      sequence: this.#lastSequence,
      ...arrival,
      ...(key === undefined ? {} : { idempotencyKey: key }),
      status: null,
      replayed: false,
    };
    this.#records.push(record);
    return record;
  }

  conclude(record: RequestRecord, status: number | null): void {
    record.status = status;
    this.#persist(record);
  }

  /** Puts back what an earlier process wrote, which is in the order of conclusion. */
  restore(records: readonly RequestRecord[]): void {
    this.#records = records.toSorted((a, b) => a.sequence - b.sequence);
    this.#lastSequence = this.#records.at(-1)?.sequence ?? 0;
  }

  /** Copies of the records after a sequence number. */
  after(sequence: number): RequestRecord[] {
    return this.#records.filter((record) => record.sequence > sequence).map((record) => ({ ...record }));
  }

  clear(): void {
    this.restore([]);
  }
}
