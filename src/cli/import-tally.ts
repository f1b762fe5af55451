import { type ExitCode, exitCodes } from "./exit-codes.ts";

/** Lines of the catalog: those that brought something new, those that brought a newer version, and those that did not. */
export interface CatalogTally {
  imported: number;
  updated: number;
  known: number;
}

/** What an import did, in numbers. */
export interface ImportTally {
  lines: number;
  products: CatalogTally;
  customers: CatalogTally;
  contracts: { accepted: number; known: number };
  /** Lines that cannot be imported. */
  bad: number;
  /** With `--wait`: registrations that were carried out, and those that came to nothing or wait for a person. */
  waited: { succeeded: number; failed: number } | null;
}

export function emptyTally(waits: boolean): ImportTally {
  return {
    lines: 0,
    products: { imported: 0, updated: 0, known: 0 },
    customers: { imported: 0, updated: 0, known: 0 },
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
  const catalog = ({ imported, updated, known }: CatalogTally) =>
    `${count(imported)} imported, ${updated === 0 ? "" : `${count(updated)} updated, `}${count(known)} already known`;
  return [
    `${count(lines)} lines read`,
    `  products   ${catalog(products)}`,
    `  customers  ${catalog(customers)}`,
    `  contracts  ${count(contracts.accepted)} accepted, ${count(contracts.known)} already known`,
    ...(waited === null ? [] : [`  concluded  ${count(waited.succeeded)} registered, ${count(waited.failed)} not`]),
    `  bad lines  ${count(bad)}`,
  ];
}
