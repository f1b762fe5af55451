import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { invalidRequest, type StripeRefusal } from "../core/errors.ts";
import type { Form } from "../core/form.ts";
import { paramSchemas } from "./param-schema.ts";
import { shapedParams } from "./shaped-params.ts";

/** Of several complaints about one value, the one that tells the most. */
const TELLING = ["additionalProperties", "required", "type", "enum", "const", "pattern"];

const ajv = new Ajv({ coerceTypes: true, allErrors: true, strict: false });
ajv.addSchema({ $id: "stripe", definitions: paramSchemas.definitions, endpoints: paramSchemas.endpoints });

/** Compiled when an endpoint meets its first request: the schemas of some are large. */
const compiled = new Map<string, ValidateFunction>();

/**
 * Throws the refusal that Stripe gives to parameters that do not fit its API, by the bracketed name of the first one:
 * unknown, missing, of the wrong kind, empty where nothing can be unset, or outside an enum. Whether the stand-in
 * imitates a parameter is another question (`ImitatedParams`).
 *
 * @param endpoint method and path as in `EndpointParams`
 */
export function validateParams(endpoint: string, form: Form): void {
  const value = shapedParams(form.root, schemaOf(endpoint));
  const validate = compiled.get(endpoint) ?? compile(endpoint);
  if (validate(value)) return;
  const [first] = (validate.errors ?? []).toSorted(byDepthThenTelling);
  if (first !== undefined) throw refusalOf(first);
}

/** Throws a defect, not a refusal, for an endpoint without parameters in `EndpointParams`. */
export function schemaOf(endpoint: string) {
  const schema = paramSchemas.endpoints[endpoint];
  if (schema === undefined) throw new Error(`The parameters of ${endpoint} are missing in EndpointParams`);
  return schema;
}

function compile(endpoint: string): ValidateFunction {
  const pointer = endpoint.replaceAll("~", "~0").replaceAll("/", "~1");
  const validate = ajv.compile({ $ref: `stripe#/endpoints/${encodeURIComponent(pointer)}` });
  compiled.set(endpoint, validate);
  return validate;
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
