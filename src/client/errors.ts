import type { Operation } from "./answers.ts";

/** A request that no worker would accept. Nothing was sent, or nothing was accepted. */
export class InvalidRequest extends Error {
  override readonly name = "InvalidRequest";
  /** Which request of several, counted from 0. */
  readonly index: number;
  /** The field that is at fault, such as `params.paidPeriods.0`. */
  readonly field: string;

  constructor(index: number, field: string, problem: string) {
    super(`request ${index}: ${field} ${problem}`);
    this.index = index;
    this.field = field;
  }
}

/**
 * The queue did not answer, in time or at all; the message says which. The requests may or may not be queued: send them
 * again under the same ids.
 */
export class QueueUnreachable extends Error {
  override readonly name = "QueueUnreachable";
}

/** The id was used before by a request with other content. The first one stands as it is. */
export class IdReused extends Error {
  override readonly name = "IdReused";
  /** Which request of several, counted from 0. */
  readonly index: number;

  constructor(index: number, id: string) {
    super(`request ${index}: the id ${id} was used before by a request with other content`);
    this.index = index;
  }
}

/** The API does not know the token (`unauthorized`), or the token does not speak for the actor (`actor_not_allowed`). */
export class Unauthorized extends Error {
  override readonly name = "Unauthorized";
  readonly code: "unauthorized" | "actor_not_allowed";

  constructor(code: Unauthorized["code"], detail: string) {
    super(detail);
    this.code = code;
  }
}

/** The API did not answer in time. Requests may or may not be accepted: send them again under the same ids. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** The operation is accepted and still open after the wait. It goes on; ask for it later, by `operation` or the same request. */
export class NotConcludedYet extends Error {
  override readonly name = "NotConcludedYet";
  readonly operation: Operation;

  constructor(operation: Operation, waitedMs: number) {
    super(`operation ${operation.id} is ${operation.state} after ${waitedMs} ms, and goes on`);
    this.operation = operation;
  }
}

/** The API answered something that this client does not know. `requestId` finds it in the API's log. */
export class UnexpectedAnswer extends Error {
  override readonly name = "UnexpectedAnswer";
  readonly status: number;
  readonly requestId: string | null;

  constructor(status: number, code: string, requestId: string | null) {
    super(`the API answered ${status} (${code}), request ${requestId ?? "unknown"}`);
    this.status = status;
    this.requestId = requestId;
  }
}
