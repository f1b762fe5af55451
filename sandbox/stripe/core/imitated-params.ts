import { notImitated } from "./errors.ts";
import type { Form } from "./form.ts";

/** Every endpoint takes these. */
const ALWAYS = ["expand", "expand[]"] as const;

/** What every list takes. */
export const LIST_PARAMS = [
  "limit",
  "starting_after",
  "ending_before",
  "created",
  "created[gt]",
  "created[gte]",
  "created[lt]",
  "created[lte]",
] as const;

/**
 * The parameters that an endpoint imitates, by normal name: indexes of lists are left out (`items[][price]`), names of
 * metadata too (`metadata[]`). Requests have been validated before: what is missing here is known to Stripe.
 */
export class ImitatedParams {
  readonly #names: ReadonlySet<string>;

  constructor(names: readonly string[]) {
    this.#names = new Set([...ALWAYS, ...names]);
  }

  /** Throws for the first parameter that Stripe takes and the stand-in does not imitate. */
  check(form: Form): void {
    for (const [name, value] of form.pairs) {
      if (!this.#has(name, value)) throw notImitated(`the parameter ${name}`, name);
    }
  }

  #has(name: string, value: string): boolean {
    const normal = name.replace(/^metadata\[.*\]$/, "metadata[]").replace(/\[\d+\]/g, "[]");
    if (this.#names.has(normal)) return true;
    // An empty value unsets a whole map or list: `metadata=`, `expand=`.
    return value === "" && this.#names.has(`${normal}[]`);
  }
}
