import Table from "cli-table3";
import { type Output, paint } from "./output.ts";

/** Nothing but two spaces between the columns: a table that can be read, copied and cut. */
const chars = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** A column's heading; amounts stand right. */
export type Column = string | { readonly head: string; readonly align: "right" };

/**
 * Rows as a table under a line of headings. Characters of double width count double, so that columns with Japanese in
 * them stand straight. Without rows it says "none".
 */
export function showTable(output: Output, columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "  none\n";
  const heads = columns.map((column) => paint(output, "dim", typeof column === "string" ? column : column.head));
  const aligns = columns.map((column) => (typeof column === "string" ? "left" : column.align));
  const table = new Table({
    chars,
    colAligns: aligns,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true },
  });
  table.push(heads, ...rows.map((row) => [...row]));
  return `${table
    .toString()
    .split("\n")
    .map((line) => `  ${line}`.trimEnd())
    .join("\n")}\n`;
}

/** Facts under each other, their names in a column: `status  active`. */
export function showFacts(output: Output, facts: readonly (readonly [string, string])[]): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `  ${paint(output, "dim", name.padEnd(width))}  ${value}\n`).join("");
}
