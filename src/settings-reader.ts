import { readFileSync } from "node:fs";
import { Secret } from "./secret.ts";

/** A whole number's limits, and what it is when the variable is not set. */
export interface IntegerLimits {
  readonly min: number;
  readonly max: number;
  readonly byDefault: number;
}

/**
 * Reads variables one by one and collects what is wrong with them, so that a person learns of every mistake at once.
 *
 * An empty variable counts as not set: that is what `NAME=` in a file of settings means. Where a value is wrong, the
 * default is returned in its place and a mistake is noted; whoever reads must therefore ask for the mistakes before using
 * anything. Sentences quote the value of a plain setting and never that of a secret one.
 */
export class SettingsReader<Name extends string> {
  readonly mistakes: string[] = [];
  readonly #env: Readonly<Record<string, string | undefined>>;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env;
  }

  mistake(sentence: string): void {
    this.mistakes.push(sentence);
  }

  /** Whether somebody meant to set it, directly or by a file, rightly or wrongly. */
  isGiven(name: Name): boolean {
    return this.#raw(name) !== undefined || this.#raw(`${name}_FILE`) !== undefined;
  }

  text(name: Name): string | undefined {
    return this.#raw(name);
  }

  integer(name: Name, { min, max, byDefault }: IntegerLimits): number {
    const value = this.#raw(name);
    if (value === undefined) return byDefault;
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    this.mistake(`${name} must be a whole number from ${min} to ${max}, and is ${JSON.stringify(value)}.`);
    return byDefault;
  }

  oneOf<const Value extends string>(name: Name, values: readonly Value[], byDefault: Value): Value {
    const value = this.#raw(name);
    if (value === undefined) return byDefault;
    const known = values.find((candidate) => candidate === value);
    if (known !== undefined) return known;
    this.mistake(`${name} must be one of ${values.join(", ")}, and is ${JSON.stringify(value)}.`);
    return byDefault;
  }

  /**
   * Reads a secret from `NAME`, or from the file that `NAME_FILE` names, as container platforms hand them over. A line end
   * after it is not part of it. The path is never quoted: people do write the secret itself there.
   */
  secret(name: Name): Secret | undefined {
    const value = this.#raw(name);
    const path = this.#raw(`${name}_FILE`);
    if (path === undefined) return value === undefined ? undefined : new Secret(value);
    if (value !== undefined) {
      this.mistake(`${name} and ${name}_FILE are both set; keep one of them.`);
      return undefined;
    }
    let content: string;
    try {
      content = readFileSync(path, "utf8").replace(/\r?\n$/, "");
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
      this.mistake(`${name}_FILE names a file that cannot be read (${code}); give its path, and leave to read it.`);
      return undefined;
    }
    if (content !== "") return new Secret(content);
    this.mistake(`${name}_FILE names an empty file; write the value into it.`);
    return undefined;
  }

  #raw(name: string): string | undefined {
    const value = this.#env[name];
    return value === "" ? undefined : value;
  }
}
