import { createHash } from "node:crypto";
import { idPattern } from "../contract/operation.ts";
import { isDeeper } from "../is-deeper.ts";
import type { Unreadable } from "../store/unreadable.ts";
import { payloadVersion } from "./payloads.ts";

/** The most that a request may weigh as JSON. A register with twenty years of payments weighs some 30 KiB. */
export const requestBytesMax = 65_536;

/** Deeper than any request may be, and far from where reading it would exhaust the stack. */
const depthMax = 100;

/** How much of an unreadable payload is kept for whoever has to find its sender. */
const excerptLength = 2_000;

/** What a `request` job carried: something that the ledger can judge, or something that cannot even be shown to it. */
export type ReadPayload =
  | { readonly type: "request"; readonly request: unknown }
  | { readonly type: "unreadable"; readonly unreadable: Unreadable };

/**
 * Reads the payload of a `request` job that anybody may have written. Checks only what PostgreSQL could not store or
 * would be slow to refuse: version, size, depth, and characters that are no text. Fields are the ledger's to judge.
 */
export function readRequestPayload(data: unknown): ReadPayload {
  const fault = findUnreadable(data, "request");
  if (fault !== undefined) return { type: "unreadable", unreadable: unreadable(data, fault.field, fault.problem) };
  return { type: "request", request: (data as { readonly request: unknown }).request };
}

/** What keeps a payload of ours, an object with `v` and the object that it is about, from being looked at. */
export function findUnreadable(
  data: unknown,
  key: string,
): { readonly field: string; readonly problem: string } | undefined {
  const fault = (field: string, problem: string) => ({ field, problem });
  if (isDeeper(data, depthMax)) return fault("payload", `must be nested less than ${depthMax} levels deep`);
  if (Buffer.byteLength(textOf(data)) > requestBytesMax) return fault(key, "must be at most 64 KiB");
  if (!isObject(data)) return fault("payload", `must be an object with v and ${key}`);
  if (data.v !== payloadVersion) return fault("v", `must be ${payloadVersion}`);
  if (!isObject(data[key])) return fault(key, "must be a JSON object");
  const unstorable = findUnstorable(data[key], "", key);
  return unstorable === undefined
    ? undefined
    : fault(unstorable, "has a character that is no text (NUL, or half of a pair)");
}

/**
 * What is written down of a payload that cannot be read: its beginning, made storable, and its fingerprint. `shown` takes
 * its place where it is not for keeping.
 */
export function unreadable(
  data: unknown,
  field: string,
  problem: string,
  {
    requestId = requestIdOf(data),
    shown = data,
  }: { readonly requestId?: string | null; readonly shown?: unknown } = {},
): Unreadable {
  const text = textOf(data);
  return {
    requestId,
    contractId: contractIdOf(data),
    field,
    problem,
    content: storable(textOf(shown)).slice(0, excerptLength),
    sizeBytes: Math.min(Buffer.byteLength(text), 2 ** 31 - 1),
    contentHash: createHash("sha256").update(text).digest("hex"),
  };
}

/** The payload as JSON. Of one that is too deep, only as far as it can be written. */
function textOf(data: unknown): string {
  return JSON.stringify(isDeeper(data, depthMax) ? cutAt(data, depthMax) : data) ?? "undefined";
}

function cutAt(value: unknown, levels: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (levels === 0) return "…";
  if (Array.isArray(value)) return value.map((child) => cutAt(child, levels - 1));
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, cutAt(child, levels - 1)]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The request's own id, if it is one, so that its sender can be told. */
function requestIdOf(data: unknown): string | null {
  return isObject(data) ? idOf(data.request) : null;
}

/** The id of the request's contract, if it is one, so that what it says can be forgotten with that. */
function contractIdOf(data: unknown): string | null {
  return isObject(data) && isObject(data.request) ? asId(data.request.contractId) : null;
}

/** The id of something, if it is one. */
export function idOf(value: unknown): string | null {
  return isObject(value) ? asId(value.id) : null;
}

function asId(id: unknown): string | null {
  return typeof id === "string" && idPattern.test(id) ? id : null;
}

/** With the `u` flag a whole pair is one character, so this finds halves only. */
const unstorablePattern = /[\0\p{Surrogate}]/u;

/** The path of the first text, value or key, that PostgreSQL cannot store; undefined if there is none. */
function findUnstorable(value: unknown, path: string, whole: string): string | undefined {
  if (typeof value === "string") return unstorablePattern.test(value) ? path : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, child] of Object.entries(value)) {
    if (unstorablePattern.test(key)) return path === "" ? whole : path;
    const found = findUnstorable(child, path === "" ? key : `${path}.${key}`.slice(0, 120), whole);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The text with what cannot be stored made visible. `JSON.stringify` has escaped such characters inside strings already. */
function storable(text: string): string {
  return text.replaceAll(/[\0\p{Surrogate}]/gu, "\uFFFD");
}
