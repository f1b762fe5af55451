/** The invariants that are checked, by their names in the list of promises. */
export const invariantIds = ["I1", "I3", "I6", "I8", "I13", "I14", "I21"] as const;
export type InvariantId = (typeof invariantIds)[number];

/**
 * Something that must hold of our tables, whatever has happened, as SQL that shares nothing with the code that writes them.
 *
 * Checked page by page of its keys, so that a million contracts take no more memory than a thousand. Both texts only read.
 */
export interface Invariant {
  readonly id: InvariantId;
  /** What must hold, in a sentence. */
  readonly claim: string;
  /** What is counted as checked. */
  readonly subjects: string;
  /** Gives one row for the page after `$after` of at most `$limit` keys: `last`, the last key, and `checked`, how many. */
  readonly page: string;
  /** Gives a row for each violation among the keys after `$after` up to `$last`: its `subject`, and what is wrong with it. */
  readonly violations: string;
}

/** The page of those that are about contracts. */
export const pageOfContracts = `
  select max(id) as last, count(*)::int as checked
  from (select id from keiyaku.contracts where id > $after order by id limit $limit) as page`;
