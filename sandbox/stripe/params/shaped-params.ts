import { invalidRequest } from "../core/errors.ts";
import type { FormMap, FormNode } from "../core/form.ts";
import { branchesOf, isEmptyable, type ParamSchema } from "./param-schema.ts";

/**
 * A request's parameters as the value that their schema describes: maps with indexes become lists where the schema says
 * list, and an empty text disappears where it unsets something. Everything else stays a text, for ajv to read.
 *
 * Throws `parameter_invalid_empty` for an empty text where nothing can be unset.
 */
export function shapedParams(root: FormMap, schema: ParamSchema): Record<string, unknown> {
  return mapOf(root, branchesOf(schema), "");
}

function mapOf(map: FormMap, branches: readonly ParamSchema[], prefix: string): Record<string, unknown> {
  const value: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [key, node] of Object.entries(map)) {
    const schema = propertyOf(branches, key);
    const name = prefix === "" ? key : `${prefix}[${key}]`;
    if (node !== "") value[key] = schema === undefined ? node : nodeOf(node, schema, name);
    else if (schema === undefined) value[key] = node;
    else if (!canBeEmpty(schema)) throw invalidEmpty(name);
  }
  return value;
}

function nodeOf(node: FormNode, schema: ParamSchema, name: string): unknown {
  if (typeof node === "string") return node;
  const branches = branchesOf(schema);
  const list = branches.find(({ type }) => type === "array");
  const items = list?.items;
  if (items === undefined || !isIndexed(node)) return mapOf(node, branches, name);
  return Object.keys(node)
    .toSorted((a, b) => Number(a) - Number(b))
    .map((index) => nodeOf(node[index] ?? "", items, `${name}[${index}]`));
}

/** The schema of a property, in whichever shape knows it. */
function propertyOf(branches: readonly ParamSchema[], key: string): ParamSchema | undefined {
  for (const { properties, additionalProperties } of branches) {
    if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key];
    if (typeof additionalProperties === "object") return additionalProperties;
  }
  return undefined;
}

/** The SDK writes an empty list as an empty text. */
function canBeEmpty(schema: ParamSchema): boolean {
  return isEmptyable(schema) || branchesOf(schema).some(({ type }) => type === "array");
}

function isIndexed(map: FormMap): boolean {
  return Object.keys(map).every((key) => /^\d+$/.test(key));
}

function invalidEmpty(name: string): Error {
  return invalidRequest(
    `You passed an empty string for '${name}'. An empty value unsets a parameter, and '${name}' cannot be unset.`,
    { code: "parameter_invalid_empty", param: name },
  );
}
