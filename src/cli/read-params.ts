import type { OperationKind } from "../contract/operation.ts";
import { ruleOf } from "../contract/operations/index.ts";
import { CommandFailure } from "./command-failure.ts";
import { exitCodes } from "./exit-codes.ts";
import { findFault } from "./find-fault.ts";

/** Parameters as the command line gives them: all as one JSON object, or one by one as `key=value`. */
export interface GivenParams {
  readonly params?: string;
  readonly param?: readonly string[];
}

/**
 * Reads the parameters and checks them against their kind, since a worker would refuse them only later. A value of
 * `key=value` is JSON where it can be read as JSON, and text otherwise: `paidPeriods=[0,1]`, `confirm=c-1`.
 */
export function readParams(kind: OperationKind, given: GivenParams): Readonly<Record<string, unknown>> {
  const params = given.params === undefined ? fromPairs(given.param ?? []) : fromJson(given.params);
  const fault = findFault(ruleOf(kind).params, params, "params");
  if (fault === undefined) return params;
  throw new CommandFailure(exitCodes.wrongUsage, {
    code: "invalid_request",
    sentence: `${kind} cannot be asked for like this: ${fault.field}: ${fault.problem}.`,
    remedy: "Correct the parameter; nothing was sent.",
  });
}

function fromJson(text: string): Readonly<Record<string, unknown>> {
  const value = parseJson(text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new CommandFailure(exitCodes.wrongUsage, {
    code: "invalid_params",
    sentence: "--params is no JSON object.",
    remedy: `Write it as --params '{"paidPeriods": [0, 1]}'.`,
  });
}

function fromPairs(pairs: readonly string[]): Readonly<Record<string, unknown>> {
  const entries = pairs.map((pair) => {
    const equals = pair.indexOf("=");
    if (equals < 1) {
      throw new CommandFailure(exitCodes.wrongUsage, {
        code: "invalid_params",
        sentence: `--param is ${JSON.stringify(pair)} and must be a name and a value with = between them.`,
        remedy: "Write it as --param paidPeriods=[0,1].",
      });
    }
    const text = pair.slice(equals + 1);
    return [pair.slice(0, equals), parseJson(text) ?? text] as const;
  });
  return Object.fromEntries(entries);
}

/** The value, or undefined for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
