import { invalidRequest, notImitated } from "./errors.ts";
import type { FormMap } from "./form.ts";
import type { Metadata } from "./stored.ts";

/** A change of metadata: null empties it; otherwise each name is set, or removed when its value is empty. */
export type MetadataChange = Readonly<Metadata> | null;

const METADATA_KEYS_MAX = 50;
const METADATA_KEY_LENGTH_MAX = 40;
const METADATA_VALUE_LENGTH_MAX = 500;

/**
 * Reads typed values out of a request's parameters, refusing as Stripe refuses: by the parameter's bracketed name.
 *
 * A reader gives `undefined` for what was not sent. An empty string means "unset" at Stripe; readers that allow it give
 * null, the others treat it as not sent.
 */
export class Params {
  readonly #map: FormMap;
  readonly #prefix: string;

  constructor(map: FormMap, prefix = "") {
    this.#map = map;
    this.#prefix = prefix;
  }

  /** The name as a client writes it: `items[0][price]`. */
  nameOf(key: string): string {
    return this.#prefix === "" ? key : `${this.#prefix}[${key}]`;
  }

  has(key: string): boolean {
    return this.#map[key] !== undefined;
  }

  isText(key: string): boolean {
    return typeof this.#map[key] === "string";
  }

  /** A text, or null for an empty one. */
  textOrUnset(key: string): string | null | undefined {
    const value = this.#map[key];
    if (value === undefined) return undefined;
    if (typeof value !== "string")
      throw invalidRequest(`Invalid string: ${this.nameOf(key)}`, { param: this.nameOf(key) });
    return value === "" ? null : value;
  }

  text(key: string): string | undefined {
    return this.textOrUnset(key) ?? undefined;
  }

  requiredText(key: string): string {
    const value = this.text(key);
    if (value === undefined) throw this.missing(key);
    return value;
  }

  missing(key: string): Error {
    const param = this.nameOf(key);
    return invalidRequest(`Missing required param: ${param}.`, { code: "parameter_missing", param });
  }

  /** A whole number in a range, or the refusal `parameter_invalid_integer`. */
  integer(key: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const number = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(number >= min && number <= max)) {
      const param = this.nameOf(key);
      throw invalidRequest(`Invalid integer: ${param}`, { code: "parameter_invalid_integer", param });
    }
    return number;
  }

  flag(key: string): boolean | undefined {
    const text = this.text(key);
    if (text === undefined || text === "true" || text === "false")
      return text === undefined ? undefined : text === "true";
    throw invalidRequest(`Invalid boolean: ${text}`, { param: this.nameOf(key) });
  }

  /** One of the choices that the stand-in imitates. */
  oneOf<const T extends string>(key: string, allowed: readonly T[]): T | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const found = allowed.find((value) => value === text);
    if (found !== undefined) return found;
    // What Stripe does not know has been refused before.
    throw notImitated(`the value ${text} of ${this.nameOf(key)}`, this.nameOf(key));
  }

  /** The parameters under a name, empty when there are none. */
  map(key: string): Params {
    const value = this.#map[key];
    return new Params(value === undefined || typeof value === "string" ? {} : value, this.nameOf(key));
  }

  /** The elements of a list of maps, in the order of their indexes. */
  list(key: string): Params[] {
    const value = this.#map[key];
    if (value === undefined || typeof value === "string") return [];
    const parent = new Params(value, this.nameOf(key));
    return inIndexOrder(value).map((index) => parent.map(index));
  }

  texts(key: string): string[] {
    const value = this.#map[key];
    if (value === undefined || value === "") return [];
    if (typeof value === "string") throw invalidRequest("Invalid array", { param: this.nameOf(key) });
    const parent = new Params(value, this.nameOf(key));
    return inIndexOrder(value).map((index) => parent.requiredText(index));
  }

  metadata(): MetadataChange | undefined {
    const value = this.#map.metadata;
    if (value === undefined) return undefined;
    if (value === "") return null;
    if (typeof value === "string") throw invalidRequest("Invalid metadata: must be a hash", { param: "metadata" });
    const change: Metadata = {};
    for (const [name, text] of Object.entries(value)) change[name] = metadataValue(name, text);
    return change;
  }
}

/** Metadata after a change, checked against Stripe's limits. */
export function changedMetadata(before: Metadata, change: MetadataChange | undefined): Metadata {
  if (change === undefined) return before;
  if (change === null) return {};
  const after: Metadata = { ...before };
  for (const [name, value] of Object.entries(change)) {
    if (value === "") delete after[name];
    else after[name] = value;
  }
  if (Object.keys(after).length > METADATA_KEYS_MAX) {
    throw invalidRequest(`Metadata can have at most ${METADATA_KEYS_MAX} keys.`, { param: "metadata" });
  }
  return after;
}

function metadataValue(name: string, value: string | FormMap): string {
  const param = `metadata[${name}]`;
  if (typeof value !== "string") throw invalidRequest("Metadata values must be strings.", { param });
  if (name.length > METADATA_KEY_LENGTH_MAX || value.length > METADATA_VALUE_LENGTH_MAX) {
    throw invalidRequest(
      `Metadata keys have at most ${METADATA_KEY_LENGTH_MAX} characters and values ${METADATA_VALUE_LENGTH_MAX}.`,
      { param },
    );
  }
  return value;
}

function inIndexOrder(map: FormMap): string[] {
  return Object.keys(map).toSorted((a, b) => Number(a) - Number(b));
}
