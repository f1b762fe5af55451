import { type Output, paint, writeLine } from "../../../src/cli/output.ts";
import { showTable } from "../../../src/cli/show-table.ts";
import type { Comparison, Count, Total } from "../compare/compare.ts";
import { type ComparedLine, inYen } from "../compare/line.ts";
import { showCount } from "./show-count.ts";
import { writeHeading } from "./write-heading.ts";

/** Both sides in sum, then every line that says more than "agrees". */
export function writeComparison(out: Output, { lines, totals }: Comparison): void {
  writeHeading(out, "Our books beside Stripe's ledger");
  const right = (head: string) => ({ head, align: "right" }) as const;
  out.write(
    showTable(
      out,
      ["", right("at Stripe"), right(""), right("in our books"), right(""), ""],
      totals.map((total) => [total.name, ...cellsOf(total.atStripe), ...cellsOf(total.inBooks), verdictOn(total)]),
    ),
  );
  const different = lines.filter(({ differences }) => differences.length > 0);
  const remarked = lines.filter(({ remarks }) => remarks.length > 0);
  if (remarked.length > 0) {
    writeHeading(out, `Understood: ${showCount(remarked.length)} lines where Stripe knows more than the books need`);
    out.write(
      showTable(
        out,
        ["contract", "at Stripe", ""],
        rowsOf(remarked, ({ remarks }) => remarks),
      ),
    );
  }
  writeHeading(out, `Differences: ${different.length === 0 ? "none" : showCount(different.length)}`);
  if (different.length === 0) {
    const same = showCount(lines.length - remarked.length);
    const words = `${showCount(lines.length)} lines compared: ${same} say the same on both sides`;
    writeLine(out, `  ${paint(out, "green", "✔")} ${words}, ${showCount(remarked.length)} are understood`);
  } else {
    out.write(
      showTable(
        out,
        ["contract", "at Stripe", ""],
        rowsOf(different, ({ differences }) => differences),
      ),
    );
  }
}

function cellsOf(count: Count): readonly string[] {
  return [showCount(count.count), count.amountMinor === undefined ? "" : inYen(count.amountMinor)];
}

function verdictOn({ atStripe, inBooks }: Total): string {
  const isSame = atStripe.count === inBooks.count && atStripe.amountMinor === inBooks.amountMinor;
  return isSame ? "=" : "≠ see below";
}

function rowsOf(
  lines: readonly ComparedLine[],
  wordsOf: (line: ComparedLine) => readonly string[],
): readonly (readonly string[])[] {
  return lines.flatMap((line) => wordsOf(line).map((words) => [line.contractIds.join(", ") || "–", line.id, words]));
}

/** Every line with both of its sides, for a file. */
export function comparisonText(lines: readonly ComparedLine[]): string {
  const names = { payment_intent: "payment intent", subscription: "subscription", invoices: "invoices of" } as const;
  return lines
    .map(({ type, id, contractIds, atStripe, inBooks, differences, remarks }) => {
      const verdict = differences.length > 0 ? "DIFFERS" : remarks.length > 0 ? "understood" : "agrees";
      const words = [...differences, ...remarks].map((word) => `    ${word}\n`).join("");
      return `${verdict}  ${names[type]} ${id}  ${contractIds.join(", ")}\n  Stripe  ${atStripe}\n  books   ${inBooks}\n${words}`;
    })
    .join("\n");
}
