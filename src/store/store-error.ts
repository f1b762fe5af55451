/**
 * What went wrong with the database, in our words:
 *
 * - `conflict`: somebody else was there first. Read again, decide again.
 * - `unreachable`: no answer. A write may or may not have happened: read what did.
 * - `busy`: the server gave up waiting for a lock or ran out of time; nothing happened. Later.
 * - `refused`: the server will not do this, now or later. A defect of ours, or of the server's set-up.
 */
export type StoreFault = "conflict" | "unreachable" | "busy" | "refused";

/**
 * A database error at the store's border. Carries the SQLSTATE and the statement's name and nothing else: the driver's
 * own errors hold parameters and connection details, which must not reach a log or a job.
 */
export class StoreError extends Error {
  readonly fault: StoreFault;
  /** The SQLSTATE, or the driver's code where there was no answer. */
  readonly code: string;
  /** The name of the statement that failed. */
  readonly statement: string;
  /** The constraint that was violated, if one was. */
  readonly constraint: string | undefined;

  constructor(fault: StoreFault, code: string, statement: string, constraint?: string) {
    super(`${statement}: ${fault} (${code}${constraint === undefined ? "" : `, ${constraint}`})`);
    this.name = "StoreError";
    this.fault = fault;
    this.code = code;
    this.statement = statement;
    this.constraint = constraint;
  }
}

/** SQLSTATE classes 22 (data exception) and 54 (limit exceeded): PostgreSQL will not take this content at any time. */
export function isAboutContent(error: unknown): error is StoreError {
  return error instanceof StoreError && error.fault === "refused" && /^(22|54)/.test(error.code);
}

/** Serialization failure, foreign key, unique, deadlock: each means that another writer came between. */
const conflictCodes = new Set(["40001", "23503", "23505", "40P01"]);

/** A lock or statement time-out, a cancelled statement, a read-only server, no disk or memory left: nothing was written. */
const busyCodes = new Set(["55P03", "57014", "25006", "53100", "53200"]);

/** The server is going away, coming up, or full. */
const unreachableCodes = new Set(["57P01", "57P02", "57P03", "53300"]);

/**
 * The form of a SQLSTATE, by the characters that PostgreSQL begins one with. The driver's own words are longer; Node's, such
 * as `EPIPE`, may be as long, but begin with another letter.
 */
const sqlStateForm = /^[0-9FHPX][0-9A-Z]{4}$/;

/** Turns anything that a driver, or drizzle around it, threw into a {@link StoreError}. */
export function toStoreError(error: unknown, statement: string): StoreError {
  if (error instanceof StoreError) return error;
  const { code, constraint_name } = codedError(error);
  const text = typeof code === "string" ? code : "unknown";
  const constraint = typeof constraint_name === "string" ? constraint_name : undefined;
  return new StoreError(faultOf(text), text, statement, constraint);
}

/** The error itself, or the one inside it that has a code: drizzle wraps what the driver threw. */
function codedError(error: unknown): { readonly code?: unknown; readonly constraint_name?: unknown } {
  if (typeof error !== "object" || error === null) return {};
  return "code" in error || !("cause" in error) ? error : codedError(error.cause);
}

function faultOf(code: string): StoreFault {
  if (conflictCodes.has(code)) return "conflict";
  if (busyCodes.has(code)) return "busy";
  // Class 08 is the server's word for a lost connection. What is no word of the server's says that none came.
  if (unreachableCodes.has(code) || code.startsWith("08") || !sqlStateForm.test(code)) return "unreachable";
  return "refused";
}

/** Whether an error says that another writer came between. */
export function isConflict(error: unknown): boolean {
  return error instanceof StoreError && error.fault === "conflict";
}

/** Whether an error says that the database cannot be worked with now. It says nothing about what was asked of it. */
export function isOutage(error: unknown): boolean {
  return error instanceof StoreError && (error.fault === "unreachable" || error.fault === "busy");
}
