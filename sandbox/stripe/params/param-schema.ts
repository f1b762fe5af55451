import { readFileSync } from "node:fs";

/** The part of JSON Schema that describes Stripe's parameters. */
export interface ParamSchema {
  readonly type?: string | readonly string[];
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly ParamSchema[];
  readonly $ref?: string;
  readonly items?: ParamSchema;
  readonly properties?: Readonly<Record<string, ParamSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | ParamSchema;
  readonly pattern?: string;
  /** Whether an empty text is allowed, which unsets the parameter. A word of our own. */
  readonly isEmptyable?: boolean;
}

export interface ParamSchemas {
  readonly $comment: string;
  /** By method and path: `POST /v1/refunds/:id`. */
  readonly endpoints: Readonly<Record<string, ParamSchema>>;
  readonly definitions: Readonly<Record<string, ParamSchema>>;
}

export const SCHEMAS_FILE = new URL("generated.json", import.meta.url);

/** What `generate.ts` has written. */
export const paramSchemas = JSON.parse(readFileSync(SCHEMAS_FILE, "utf8")) as ParamSchemas;

/** The schema that a reference stands for; any other schema itself. */
export function resolved(schema: ParamSchema): ParamSchema {
  if (schema.$ref === undefined) return schema;
  const name = decodeURIComponent(schema.$ref.slice("#/definitions/".length));
  const found = paramSchemas.definitions[name];
  if (found === undefined) throw new Error(`The schemas have no definition ${name}`);
  return resolved(found);
}

/** Every way in which a value may fit the schema. */
export function branchesOf(schema: ParamSchema): readonly ParamSchema[] {
  const own = resolved(schema);
  return own.anyOf === undefined ? [own] : own.anyOf.flatMap(branchesOf);
}

/** Whether an empty text unsets a parameter of this schema. */
export function isEmptyable(schema: ParamSchema): boolean {
  const own = resolved(schema);
  return own.isEmptyable === true || (own.anyOf?.some(isEmptyable) ?? false);
}
