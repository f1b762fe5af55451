import type { OperationSummary } from "../store/operation-summary.ts";
import type { CommandContext } from "./context.ts";
import { writeFailure } from "./explain-failure.ts";
import { type ImportTally, showTally } from "./import-tally.ts";
import { paint, writeJson, writeLine } from "./output.ts";
import type { BadLine } from "./read-import-line.ts";
import { rejectionSentencesOf, showOutcome } from "./show-outcome.ts";

/** As many lines in error as anyone reads on a screen. */
const namedMax = 1_000;

interface NamedFailure extends BadLine {
  readonly type: "bad_line" | "not_registered";
  readonly line: number;
  readonly contractId?: string;
}

/** Tells what becomes of an import: each line in error as it is found, and in the end the numbers. */
export interface ImportReport {
  badLine(line: number, bad: BadLine, contractId?: string): void;
  /** A registration that was accepted and came to nothing, or waits for a person. */
  notRegistered(line: number, operation: OperationSummary): void;
  summary(tally: ImportTally): void;
}

/** A report as JSON on stdout, an object a line and every one; or for people, the lines in error on stderr. */
export function createImportReport(
  { out, err, config }: Pick<CommandContext, "out" | "err" | "config">,
  { json, dryRun }: { readonly json: boolean; readonly dryRun: boolean },
): ImportReport {
  const name = json ? (failure: NamedFailure) => writeJson(out, failure) : nameForPeople(err);
  return {
    badLine(line, bad, contractId) {
      name({ type: "bad_line", line, ...(contractId === undefined ? {} : { contractId }), ...bad });
    },
    notRegistered(line, operation) {
      const { id, contractId, rejectionCode, rejectionDetail, state } = operation;
      const field = rejectionDetail?.field;
      name({
        type: "not_registered",
        line,
        contractId,
        code: rejectionCode ?? `operation_${state}`,
        field: typeof field === "string" ? field.replace(/^params\./, "") : null,
        problem: rejectionSentencesOf(operation)?.en ?? showOutcome(operation, config.businessTimeZone),
        remedy:
          state === "held"
            ? `Decide about it: \`keiyaku operation show ${id}\`.`
            : "Correct the line and import the file again.",
      });
    },
    summary(tally) {
      if (json) {
        writeJson(out, { type: "summary", dryRun, ...tally });
        return;
      }
      for (const line of showTally(tally)) writeLine(out, line);
      const remark = remarkOn(tally, dryRun);
      if (remark !== undefined) writeLine(err, paint(err, "dim", remark));
    },
  };
}

function nameForPeople(err: CommandContext["err"]): (failure: NamedFailure) => void {
  let named = 0;
  return ({ line, contractId, field, code, problem, remedy }) => {
    named += 1;
    if (named === namedMax + 1) writeLine(err, `The first ${namedMax} are named above; --json names every one.`);
    if (named > namedMax) return;
    const place = [`line ${line}`, contractId === undefined ? "" : `contract ${contractId}`, field ?? ""];
    const sentence = `${place.filter((part) => part !== "").join(", ")}: ${problem.replace(/\.$/, "")}.`;
    writeFailure(err, { code, sentence, remedy });
  };
}

function remarkOn({ contracts, waited }: ImportTally, dryRun: boolean): string | undefined {
  if (dryRun) return "Nothing was written: this only checked the lines.";
  if (contracts.accepted === 0 || waited !== null) return undefined;
  return "The workers register what was accepted; if none run, start them with `keiyaku start`.";
}
