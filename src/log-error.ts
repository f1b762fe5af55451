/** What a log line tells of an error. Nothing else of it is ever written. */
export interface LoggedError {
  readonly name: string;
  /** Left out where it may quote what somebody entered; see {@link describeError}. */
  readonly message?: string;
  readonly code?: string;
  /** Of Stripe's errors: what its support asks for. */
  readonly requestId?: string;
  readonly httpStatus?: number;
  /** Of PostgreSQL's errors: which promise of the schema was not kept. */
  readonly constraint?: string;
  readonly frames?: readonly string[];
  readonly cause?: LoggedError;
  readonly errors?: readonly LoggedError[];
}

/** Deep enough for an error of ours around one of drizzle around one of the driver; an end for causes that form a ring. */
const depthMax = 5;

/** As many as the attempts at one address after another that Node reports in one error. */
const errorsMax = 4;

/**
 * Describes an error by a fixed list of its fields, because errors carry what they failed over: drizzle's message holds the
 * statement and every parameter, PostgreSQL's quotes the value it could not take and its `detail` the whole row, JSON's
 * the text, zod's and Stripe's what was sent. Of those the message stays out; the code and the place say enough. Of
 * other errors it stays in: they are ours or the runtime's, and speak of ids, files and addresses.
 */
export function describeError(error: unknown): LoggedError {
  return describe(error, 1);
}

type ErrorFields = Error & Readonly<Record<string, unknown>>;

function describe(error: unknown, depth: number): LoggedError {
  if (!(error instanceof Error)) return { name: `thrown ${error === null ? "null" : typeof error}` };
  const fields = error as ErrorFields;
  const deeper = depth < depthMax;
  const frames = framesOf(error);
  return withoutAbsent({
    name: nameOf(fields),
    message: quotesItsInput(fields) ? undefined : error.message,
    code: word(fields.code),
    requestId: word(fields.requestId),
    httpStatus: typeof fields.statusCode === "number" ? fields.statusCode : undefined,
    constraint: word(fields.constraint_name) ?? word(fields.constraint),
    frames: frames.length > 0 ? frames : undefined,
    cause: deeper && error.cause !== undefined ? describe(error.cause, depth + 1) : undefined,
    errors:
      deeper && error instanceof AggregateError
        ? error.errors.slice(0, errorsMax).map((inner) => describe(inner, depth + 1))
        : undefined,
  });
}

/** Drizzle and pg leave `name` at "Error" or "error", and Stripe tells its classes apart by `type`. */
function nameOf(error: ErrorFields): string {
  if (isStripes(error)) return word(error.type) ?? "StripeError";
  const name = word(error.name);
  return (name === undefined || name.toLowerCase() === "error" ? word(error.constructor.name) : name) ?? "Error";
}

function quotesItsInput(error: ErrorFields): boolean {
  const isOfDrizzle = "params" in error || "query" in error;
  const isOfPostgres = "severity" in error || "routine" in error;
  const isOfZod = "issues" in error;
  return isOfDrizzle || isOfPostgres || isOfZod || isStripes(error) || error instanceof SyntaxError;
}

function isStripes(error: ErrorFields): boolean {
  return "rawType" in error;
}

/** A value that can only be a word of a program: an error code, a class, a constraint. */
function word(value: unknown): string | undefined {
  return typeof value === "string" && /^[\w.$-]{1,100}$/.test(value) ? value : undefined;
}

const frame = /^\s+at (?:[\w$.<>[\]# ]+ )?\(?(?:file:\/\/|node:|\/|[A-Z]:\\)[^\n@]*:\d+:\d+\)?$/i;

/**
 * The lines of the stack that name a place in a file. The message stands before them and is cut off by its length, since
 * its own lines may look like places.
 */
function framesOf(error: Error): readonly string[] {
  const stack = typeof error.stack === "string" ? error.stack : "";
  const messageAt = error.message === "" ? -1 : stack.indexOf(error.message);
  const places = messageAt === -1 ? stack : stack.slice(messageAt + error.message.length);
  return places
    .split("\n")
    .filter((line) => frame.test(line))
    .map((line) => line.trim().replace(/^at /, ""));
}

function withoutAbsent<T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
