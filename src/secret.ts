import { inspect } from "node:util";

const mask = "[secret]";

/**
 * A value that must not be seen: a password, an API key, a URL that holds one.
 *
 * Whatever turns objects into text (`JSON.stringify`, `util.inspect`, a template, the log) writes `[secret]` for it. Only
 * {@link Secret.reveal} gives the value, so every use of one can be found by that word. It protects against showing it
 * by mistake, not against a debugger or a heap dump.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself, for the driver or client that needs it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return mask;
  }

  toJSON(): string {
    return mask;
  }

  [inspect.custom](): string {
    return mask;
  }
}
