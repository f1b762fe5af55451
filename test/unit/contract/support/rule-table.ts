import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  contractKinds,
  contractStatuses,
  paymentMethods,
  reservationSources,
} from "../../../../src/contract/contract.ts";
import { actorTypes } from "../../../../src/contract/operation.ts";

/** What a cell of a table is made of. `test/fixtures/rules/README.md` tells the contract behind it. */
export const dimensions = {
  actor: actorTypes,
  contract: contractKinds,
  paidBy: paymentMethods,
  status: contractStatuses,
  reservedBy: ["nobody", ...reservationSources],
  day: ["renewal", "other"],
} as const;

type Dimension = keyof typeof dimensions;

/** One cell: a value of each dimension. */
export type Cell = { readonly [D in Dimension]: (typeof dimensions)[D][number] };

/** A row of a table: the cells that it fits, and what they answer. */
export interface Row {
  readonly line: number;
  readonly answer: string;
  fits(cell: Partial<Cell>): boolean;
}

const words: Readonly<Record<string, readonly string[]>> = {
  staff: ["operator", "service"],
  people: ["operator", "service", "customer"],
  hand: ["bank_transfer", "other"],
  running: ["active", "special_period", "termination_reserved"],
  ended: ["canceled", "terminated"],
};

const folder = join(import.meta.dirname, "../../../fixtures/rules");

/** Reads a table of `test/fixtures/rules`. Throws, naming the line, for anything that is not one. */
export function readTable(name: string, columns: readonly Dimension[], hasAnswers = true): readonly Row[] {
  const lines = readFileSync(join(folder, `${name}.txt`), "utf8").split("\n");
  return lines.flatMap((text, index) => {
    if (text.trim() === "" || text.startsWith("#")) return [];
    try {
      return [readRow(text, index + 1, columns, hasAnswers)];
    } catch (error) {
      throw new Error(`${name}.txt, line ${index + 1}: ${(error as Error).message}`);
    }
  });
}

function readRow(text: string, line: number, columns: readonly Dimension[], hasAnswers: boolean): Row {
  const [left = "", answer = "", ...rest] = text.split("->").map((part) => part.trim().replaceAll(/\s+/g, " "));
  if (rest.length > 0 || (answer !== "") !== hasAnswers) throw new Error("one arrow leads to an answer");
  const fields = left.split(" ");
  if (fields.length !== columns.length) throw new Error(`${columns.length} columns are needed, not ${fields.length}`);
  const allowed = columns.map((column, index) => [column, readField(column, fields[index] ?? "")] as const);
  return {
    line,
    answer,
    fits: (cell) => allowed.every(([column, values]) => values === "any" || values.includes(String(cell[column]))),
  };
}

function readField(column: Dimension, field: string): readonly string[] | "any" {
  if (field === "*") return "any";
  const values = field.split(",").flatMap((word) => words[word] ?? [word]);
  const unknown = values.find((value) => !(dimensions[column] as readonly string[]).includes(value));
  if (unknown !== undefined) throw new Error(`${unknown} is no ${column}`);
  return values;
}

/** Every cell that can be: those that cannot are named by hand. */
export function possibleCells(): readonly Cell[] {
  const impossible = readTable("impossible", ["contract", "paidBy", "status", "reservedBy"], false);
  return [...allCells()].filter((cell) => !impossible.some((row) => row.fits(cell)));
}

/** Every cell that there is, whether it can be or not. */
export function* allCells(): Generator<Cell> {
  for (const actor of dimensions.actor)
    for (const contract of dimensions.contract)
      for (const paidBy of dimensions.paidBy)
        for (const status of dimensions.status)
          for (const reservedBy of dimensions.reservedBy)
            for (const day of dimensions.day) yield { actor, contract, paidBy, status, reservedBy, day };
}

/** A cell in words, for whoever has to find it. */
export function nameOf({ actor, contract, paidBy, status, reservedBy, day }: Cell): string {
  return `${actor}, ${contract} by ${paidBy}, ${status}, reserved by ${reservedBy}, ${day} day`;
}
