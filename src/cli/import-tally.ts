import { type ExitCode, exitCodes } from "./exit-codes.ts";

/** What an import did, in numbers. */
export interface ImportTally {
  lines: number;
  products: { imported: number; known: number };
  customers: { imported: number; known: number };
  contracts: { accepted: number; known: number };
  /** Lines that cannot be imported. */
  bad: number;
  /** With `--wait`: registrations that were carried out, and those that came to nothing or wait for a person. */
  waited: { succeeded: number; failed: number } | null;
}

export function emptyTally(waits: boolean): ImportTally {
  return {
    lines: 0,
    products: { imported: 0, known: 0 },
    customers: { imported: 0, known: 0 },
    contracts: { accepted: 0, known: 0 },
    bad: 0,
    waited: waits ? { succeeded: 0, failed: 0 } : null,
  };
}

/** The exit code: partly failed when some lines came to nothing, failed when all did. */
export function exitOf({ lines, bad, waited }: ImportTally): ExitCode {
  const failed = bad + (waited?.failed ?? 0);
  if (failed === 0) return exitCodes.done;
  return failed < lines ? exitCodes.partlyFailed : exitCodes.failed;
}

/** The numbers in words, a line each. */
export function showTally(tally: ImportTally): readonly string[] {
  const { lines, products, customers, contracts, bad, waited } = tally;
  const count = (number: number) => number.toLocaleString("en");
  return [
    `${count(lines)} lines read`,
    `  products   ${count(products.imported)} imported, ${count(products.known)} already known`,
    `  customers  ${count(customers.imported)} imported, ${count(customers.known)} already known`,
    `  contracts  ${count(contracts.accepted)} accepted, ${count(contracts.known)} already known`,
    ...(waited === null ? [] : [`  concluded  ${count(waited.succeeded)} registered, ${count(waited.failed)} not`]),
    `  bad lines  ${count(bad)}`,
  ];
}
