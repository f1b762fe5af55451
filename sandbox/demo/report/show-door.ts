import { type Output, writeLine } from "../../../src/cli/output.ts";
import type { Account } from "../account.ts";
import type { Outcomes } from "../read-outcomes.ts";
import type { RefusedByClient } from "../send-requests.ts";
import { showCount } from "./show-count.ts";
import { writeHeading } from "./write-heading.ts";

/** Where the requests went, in numbers that add up. */
export function writeAccount(out: Output, account: Account): void {
  writeHeading(out, `What became of the ${showCount(account.requests)} requests`);
  const rows: readonly (readonly [number, string])[] = [
    [account.operations, "are operations of the ledger"],
    [account.repeated, "were one of these sent again, which changes nothing"],
    [account.reused, "came under a used id with other content: refused, the first untouched"],
    [account.refused, "are no requests at all: refused at the door"],
  ];
  writeNumbered(out, rows);
}

/** Requests that never became operations: what the client refused before it queued anything, and what the ledger did. */
export function writeDoor(
  out: Output,
  refused: readonly RefusedByClient[],
  acceptedBySql: number,
  { refusals }: Outcomes,
): void {
  writeHeading(out, "Refused at the door");
  const byCode = (code: string) => refusals.filter((refusal) => refusal.code === code);
  const byClient = countsOf(refused.map(({ field }) => ({ field, count: 1 })));
  const byLedger = countsOf(byCode("invalid_request"));
  writeNumbered(out, [
    [refused.length, `by the client, at once: ${byClient.words}`],
    [byLedger.sum, `by the ledger, sent by SQL: ${byLedger.words}`],
    [acceptedBySql, "by a rule, which judged the parameters of those that the ledger took: invalid_request"],
    [countsOf(byCode("id_reused")).sum, "by the ledger, for an id that had been used: id_reused"],
  ]);
}

/** How often each field of a request was at fault, most often first. */
function countsOf(faults: readonly { readonly field: string; readonly count: number }[]) {
  const counts = new Map<string, number>();
  for (const { field, count } of faults) {
    const [first = field] = field.split(".");
    counts.set(first, (counts.get(first) ?? 0) + count);
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return {
    sum: sorted.reduce((sum, [, count]) => sum + count, 0),
    words: sorted.map(([field, count]) => `${field} ${showCount(count)}`).join(", "),
  };
}

function writeNumbered(out: Output, rows: readonly (readonly [number, string])[]): void {
  const width = Math.max(...rows.map(([count]) => showCount(count).length));
  for (const [count, words] of rows) writeLine(out, `  ${showCount(count).padStart(width)}  ${words}`);
}
