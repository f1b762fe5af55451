import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { invalidRequest, type StripeRefusal } from "../core/errors.ts";
import type { Form } from "../core/form.ts";
import { type ParamSchema, paramSchemas, resolved } from "./param-schema.ts";
import { shapedParams } from "./shaped-params.ts";

/** Of several complaints about one value, the one that tells the most. */
const TELLING = ["additionalProperties", "required", "type", "enum", "const", "pattern"];

const ajv = new Ajv({ coerceTypes: true, allErrors: true, strict: false });
ajv.addSchema({ $id: "stripe", definitions: paramSchemas.definitions });

/**
 * Throws the refusal that Stripe gives to parameters that do not fit its API, by the bracketed name of the first one:
 * unknown, missing, of the wrong kind, empty where nothing can be unset, or outside an enum.
 */
export type ValidateParams = (form: Form) => void;

/**
 * The check of one endpoint's parameters. Those that the stand-in does not imitate are only known by name, since they are
 * refused in any case (`ImitatedParams`): their schemas are the largest by far.
 *
 * @param endpoint method and path as in `EndpointParams`; throws for one that is missing there
 * @param imitated the names of the parameters that are imitated, as `ImitatedParams` takes them
 */
export function paramsValidator(endpoint: string, imitated: readonly string[]): ValidateParams {
  const schema = paramSchemas.endpoints[endpoint];
  if (schema === undefined) throw new Error(`The parameters of ${endpoint} are missing in EndpointParams`);
  let compiled: ValidateFunction | undefined;
  return (form) => {
    const value = shapedParams(form.root, schema);
    compiled ??= ajv.compile(reduced(resolved(schema), imitated));
    if (compiled(value)) return;
    const [first] = (compiled.errors ?? []).toSorted(byDepthThenTelling);
    if (first !== undefined) throw refusalOf(first);
  };
}

function reduced(schema: ParamSchema, imitated: readonly string[]): object {
  const inFull = new Set(["expand", ...imitated.map((name) => name.split("[", 1)[0])]);
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => [
    name,
    inFull.has(name) ? withId(property) : {},
  ]);
  return { ...schema, properties: Object.fromEntries(properties) as object };
}

/** References lead to the definitions, which stand in a schema of their own. */
function withId(schema: ParamSchema): unknown {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"stripe#/'));
}

/** A complaint from deep inside comes before the one that its surroundings fit none of several shapes. */
function byDepthThenTelling(a: ErrorObject, b: ErrorObject): number {
  return depthOf(b) - depthOf(a) || rankOf(a) - rankOf(b);
}

function depthOf({ instancePath }: ErrorObject): number {
  return instancePath.split("/").length;
}

function rankOf({ keyword }: ErrorObject): number {
  const rank = TELLING.indexOf(keyword);
  return rank === -1 ? TELLING.length : rank;
}

function refusalOf({ keyword, instancePath, params }: ErrorObject): StripeRefusal {
  const path = instancePath.split("/").slice(1);
  const param = nameOf(path);
  switch (keyword) {
    case "additionalProperties": {
      const name = nameOf([...path, String(params.additionalProperty)]);
      return invalidRequest(`Received unknown parameter: ${name}`, { code: "parameter_unknown", param: name });
    }
    case "required": {
      const name = nameOf([...path, String(params.missingProperty)]);
      return invalidRequest(`Missing required param: ${name}.`, { code: "parameter_missing", param: name });
    }
    case "enum":
      return invalidRequest(`Invalid ${param}: must be one of ${String(params.allowedValues)}`, { param });
    case "type":
      return wrongType(String(params.type), param);
    default:
      return invalidRequest(`Invalid ${param}`, { param });
  }
}

/** Only a wrong integer has a code of its own. */
function wrongType(type: string, param: string): StripeRefusal {
  const code = type === "integer" ? "parameter_invalid_integer" : undefined;
  return invalidRequest(`Invalid ${type}: ${param}`, { code, param });
}

/** `items`, `0`, `price` → `items[0][price]`. */
function nameOf([head = "", ...rest]: readonly string[]): string {
  return head + rest.map((segment) => `[${segment.replaceAll("~1", "/").replaceAll("~0", "~")}]`).join("");
}
