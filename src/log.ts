import { type DestinationStream, type LogFn, type Logger as PinoLogger, pino, stdTimeFunctions } from "pino";
import pinoPretty from "pino-pretty";
import type { LogLevel } from "./config.ts";
import { describeError } from "./log-error.ts";
import { version } from "./version.ts";

/** Writes lines of the log. `child` gives one that adds ids to each line. */
export type Logger = PinoLogger;

/** Where the lines go. A command line gives `process.stderr`, so that its own stdout holds data only. */
interface LogDestination extends DestinationStream {
  readonly isTTY?: boolean;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `process.stdout` unless told, as a worker's platform expects it. */
  readonly destination?: LogDestination;
  /** Lines for people instead of JSON; for a terminal unless told. */
  readonly pretty?: boolean;
}

/**
 * Makes a logger that writes one JSON object a line: `level` as a word, `time` as ISO 8601 in UTC, `service`, `version`, the
 * fields given, and `msg`. An error belongs under `err`; there, and wherever else one is found among the fields, it is
 * written by {@link describeError}'s fixed list.
 *
 * Nothing else is taken out: what is given is written. Whoever logs gives ids, codes, counts and times, never a name, an
 * address, a body or a parameter. Every line is handed to the destination before the call returns.
 */
export function createLogger({ level, destination = process.stdout, pretty }: LoggerOptions): Logger {
  const isPretty = pretty ?? destination.isTTY === true;
  const logger = pino(
    {
      level,
      base: { service: "keiyaku", version },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: describeErrorsIn },
      // In place of pino's own, which writes every property of an error. Errors have been described before it is asked.
      serializers: { err: (described: unknown) => described },
      hooks: {
        logMethod(args, method) {
          method.apply(this, withSafeWords(args));
        },
      },
    },
    isPretty ? prettyOnto(destination) : destination,
  );
  return withDescribedBindings(logger);
}

/** Deeper than anything that is worth a log line; an end for objects that contain themselves. */
const depthMax = 5;

function describeErrorsIn(fields: Record<string, unknown>, depth = 1): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, describeErrorsOf(value, depth)]));
}

function describeErrorsOf(value: unknown, depth: number): unknown {
  if (value instanceof Error) return describeError(value);
  if (depth === depthMax || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => describeErrorsOf(item, depth + 1));
  const isPlain = Object.getPrototypeOf(value) === Object.prototype;
  return isPlain ? describeErrorsIn(value as Record<string, unknown>, depth + 1) : value;
}

/** Children are made with the same method as their parent; pino asks no formatter about what they are given. */
function withDescribedBindings(logger: Logger): Logger {
  // oxlint-disable-next-line typescript/unbound-method -- it is called on its own logger below
  const child = logger.child;
  logger.child = function (this: Logger, bindings: Record<string, unknown>, options?: object) {
    return child.call(this, describeErrorsIn(bindings), options);
  } as typeof child;
  return logger;
}

/**
 * Puts the words of a line in place before pino looks for them: where none are given, it would take the error's message,
 * and it would write an error among the values of `%s` out in full.
 */
function withSafeWords(args: Parameters<LogFn>): Parameters<LogFn> {
  const [first, words, ...values] = args as unknown[];
  const fields: unknown = first instanceof Error ? { err: first } : first;
  const err = typeof fields === "object" && fields !== null && "err" in fields ? fields.err : undefined;
  const needsWords = words === undefined && err instanceof Error && !("msg" in Object(fields));
  return [fields, needsWords ? wordsFor(err) : nameIfError(words), ...values.map(nameIfError)] as Parameters<LogFn>;
}

function wordsFor(error: Error): string {
  const { message, name } = describeError(error);
  return message ?? name;
}

function nameIfError(value: unknown): unknown {
  return value instanceof Error ? describeError(value).name : value;
}

/** Formats line by line, in this process: pino's own way, a worker thread, would lose the last lines before a crash. */
function prettyOnto(destination: LogDestination): DestinationStream {
  const format = pinoPretty.prettyFactory({ ignore: "service,version", colorize: destination.isTTY === true });
  return { write: (line) => destination.write(format(line)) };
}
