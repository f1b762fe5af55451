import { type Output, writeLine } from "../../../src/cli/output.ts";
import { showTable } from "../../../src/cli/show-table.ts";
import type { Outcomes } from "../read-outcomes.ts";
import type { RefusedByClient } from "../send-requests.ts";
import { showCount } from "./show-count.ts";
import { writeHeading } from "./show-outcomes.ts";

/** Requests that never became operations: what the client refused before it queued anything, and what the ledger did. */
export function writeDoor(
  out: Output,
  refused: readonly RefusedByClient[],
  acceptedBySql: number,
  { refusals }: Outcomes,
): void {
  writeHeading(out, "Refused at the door");
  const byField = new Map<string, number>();
  for (const { field } of refused) byField.set(field, (byField.get(field) ?? 0) + 1);
  const rows = [
    ...Array.from(byField, ([field, count]) => ["the client", "invalid_request", field, count] as const),
    ...refusals.map(({ code, field, count }) => ["the ledger", code, field, count] as const),
  ];
  out.write(
    showTable(
      out,
      ["by", "code", "field", { head: "times", align: "right" }],
      rows.map(([by, code, field, count]) => [by, code, field, showCount(count)]),
    ),
  );
  writeLine(
    out,
    `  What the client refused was sent by SQL, as by a program without it: the ledger refused it too,\n` +
      `  or took it (${showCount(acceptedBySql)} times) and rejected the operation for its parameters.`,
  );
}
