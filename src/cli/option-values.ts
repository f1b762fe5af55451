import { InvalidArgumentError, Option } from "commander";
import { type BusinessDate, parseBusinessDate } from "../contract/calendar.ts";
import { planDigestPattern, reasonLengthMax } from "../contract/operation.ts";

/** The option of every command that has data to print. */
export function jsonOption(description = "print the data as JSON"): Option {
  return new Option("--json", description);
}

/** Gathers the values of an option that may be repeated. */
export function collect(value: string, collected: readonly string[] | undefined): readonly string[] {
  return [...(collected ?? []), value];
}

/** Somebody's words for why: as long as the ledger takes, and never nothing. */
export function reasonText(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("Say why in a few words.");
  if (text.length > reasonLengthMax) {
    throw new InvalidArgumentError(`It must have at most ${reasonLengthMax} characters.`);
  }
  return text;
}

/** The digest of a preview. */
export function planDigest(text: string): string {
  if (!planDigestPattern.test(text))
    throw new InvalidArgumentError("It must be a preview's digest: 64 hexadecimal digits.");
  return text;
}

/** A number of seconds, as milliseconds. */
export function positiveSeconds(text: string): number {
  const seconds = /^\d{1,6}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds <= 0) throw new InvalidArgumentError("It must be a number of seconds.");
  return seconds * 1_000;
}

/** The number of a mail. */
export function notificationNumber(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text))
    throw new InvalidArgumentError("It must be a mail's number, as the list shows it.");
  return Number(text);
}

/** A date, `YYYY-MM-DD`. */
export function businessDate(text: string): BusinessDate {
  try {
    return parseBusinessDate(text);
  } catch {
    throw new InvalidArgumentError("It must be a date, such as 2026-11-27.");
  }
}

/** A whole number from 1. */
export function wholeNumber(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number < 1) throw new InvalidArgumentError("It must be a whole number from 1 to 99999.");
  return number;
}
