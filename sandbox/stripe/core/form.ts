import { invalidRequest } from "./errors.ts";

/** Parameters as a tree: `items[0][price]=p` is `items` → `0` → `price` → `"p"`. */
export type FormNode = string | FormMap;
export interface FormMap {
  [key: string]: FormNode;
}

export interface Form {
  readonly pairs: readonly (readonly [name: string, value: string])[];
  readonly root: FormMap;
}

/** Deeper names do not occur in Stripe's API. */
const DEPTH_MAX = 8;

/**
 * Reads `application/x-www-form-urlencoded` text with brackets, from a body or a query string.
 *
 * Lists may be indexed (`expand[0]=`, as the SDK writes them) or not (`expand[]=`, as the command line tool does). In
 * `items[][a]=1&items[][b]=2` both belong to one element; a name that the element has already begins the next one.
 */
export function parseForm(text: string): Form {
  const pairs = text === "" ? [] : [...new URLSearchParams(text)];
  const root = emptyMap();
  for (const [name, value] of pairs) insert(root, segmentsOf(name), value);
  return { pairs, root };
}

/** `items[0][price]` → `items`, `0`, `price`; an empty segment stands for `[]`. */
function segmentsOf(name: string): string[] {
  const open = name.indexOf("[");
  if (open <= 0) return [name];
  const rest = name.slice(open);
  if (!/^(\[[^[\]]*\])+$/.test(rest)) return [name];
  const segments = [name.slice(0, open), ...rest.slice(1, -1).split("][")];
  if (segments.length > DEPTH_MAX) throw invalidRequest(`The parameter ${name} is nested too deeply.`);
  return segments;
}

function insert(root: FormMap, segments: readonly string[], value: string): void {
  let map = root;
  for (const [depth, segment] of segments.entries()) {
    const key = segment === "" ? unindexedKey(map, segments[depth + 1]) : segment;
    if (depth === segments.length - 1) {
      map[key] = value;
      return;
    }
    const next = map[key];
    const child = next === undefined || typeof next === "string" ? emptyMap() : next;
    map[key] = child;
    map = child;
  }
}

/** The element that `[]` means: the last one while it lacks the name that follows, else a new one. */
function unindexedKey(map: FormMap, following: string | undefined): string {
  const count = Object.keys(map).length;
  const last = map[String(count - 1)];
  const belongs = following !== undefined && last !== undefined && typeof last !== "string" && !(following in last);
  return String(belongs ? count - 1 : count);
}

/** Without a prototype, so that a parameter named `__proto__` or `constructor` is only a name. */
function emptyMap(): FormMap {
  return Object.create(null) as FormMap;
}
