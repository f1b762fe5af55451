import { type Account, unaccountedIn } from "./account.ts";
import type { Comparison } from "./compare/compare.ts";
import { showCount } from "./report/show-count.ts";

/** What the demo has to judge itself by. */
export interface Shown {
  readonly comparison: Comparison;
  readonly account: Account;
  /** How many effects the worker's calls had at the stand-in. */
  readonly effectCount: number;
  readonly heldCount: number;
  /** What Stripe reported and the books do not show, a sentence each. */
  readonly unreported: readonly string[];
}

/** Why the demo did not show what it should, a sentence each; nothing when it did. A demo that did nothing has failed. */
export function failuresOf({ comparison, account, effectCount, heldCount, unreported }: Shown): readonly string[] {
  const differing = comparison.lines.filter(({ differences }) => differences.length > 0).length;
  const unaccounted = unaccountedIn(account);
  return [
    ...(differing > 0 ? [`The books and Stripe's ledger differ in ${showCount(differing)} of the lines.`] : []),
    ...(comparison.lines.length === 0 ? ["There was nothing to compare."] : []),
    ...(account.operations === 0 ? ["No operation came to its end."] : []),
    ...(effectCount === 0 ? ["No call changed anything at the stand-in."] : []),
    ...(unaccounted === 0 ? [] : [`What became of ${showCount(Math.abs(unaccounted))} requests cannot be told.`]),
    ...(heldCount === 0 ? [] : [`${showCount(heldCount)} operations wait for a person, and nothing here should.`]),
    ...unreported,
  ];
}
