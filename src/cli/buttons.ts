import { listButtons } from "../execution/list-buttons.ts";
import { businessOf } from "./business-of.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, plainText, writeJson, writeLine } from "./output.ts";
import { readActor } from "./read-actor.ts";
import { showTable } from "./show-table.ts";

export interface ButtonsOptions {
  readonly contractId: string;
  readonly actor?: string;
  readonly json?: boolean;
}

/** Shows which operations a contract offers now, and why not the others. Writes nothing. */
export async function buttons(context: CommandContext, { contractId, actor, json }: ButtonsOptions): Promise<ExitCode> {
  const { out, err } = context;
  const found = await listButtons({ ...context, business: businessOf(context.config) }, contractId, readActor(actor));
  if (json === true) writeJson(out, { contractId, ...found });
  if (found.type === "missing") {
    throw new CommandFailure(exitCodes.failed, {
      code: "contract_not_found",
      sentence: `There is no contract ${plainText(contractId)}.`,
      remedy: "Register it first, or look up its id.",
    });
  }
  if (json === true) return exitCodes.done;
  const rows = found.buttons.map((button) =>
    button.allowed
      ? [paint(out, "green", "yes"), button.kind, button.button.ja, offered(button)]
      : [paint(out, "dim", "no"), button.kind, button.button.ja, `${button.sentence.ja} ${button.sentence.en}`],
  );
  out.write(
    showTable(
      out,
      ["", "kind", "button", ""],
      rows.map((row) => row.map((cell) => plainText(cell, 300))),
    ),
  );
  if (found.type === "deleted") writeLine(err, paint(err, "dim", "The contract has been deleted."));
  return exitCodes.done;
}

function offered({
  asksStripe,
  choices = [],
}: {
  readonly asksStripe: boolean;
  readonly choices?: readonly Readonly<Record<string, unknown>>[];
}): string {
  const named = choices.flatMap((params) => Object.values(params)).join(", ");
  return [named, asksStripe ? "Stripe is asked, and may still say no" : ""].filter((part) => part !== "").join("; ");
}
