import type { Button } from "../contract/buttons.ts";
import { onlyCurrency } from "../contract/contract.ts";
import { listButtons } from "../execution/list-buttons.ts";
import { businessOf } from "./business-of.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, plainText, writeJson, writeLine } from "./output.ts";
import { readActor } from "./read-actor.ts";
import { showMoney } from "./show-money.ts";
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
  const rows = found.buttons.flatMap((button) => {
    const head = [button.kind, button.button.ja, button.button.en];
    if (button.allowed) return [[paint(out, "green", "yes"), ...head, plainText(offered(button), 300)]];
    const { ja, en } = button.sentence;
    return [
      [paint(out, "dim", "no"), ...head, plainText(ja, 300)],
      ["", "", "", "", plainText(en, 300)],
    ];
  });
  out.write(showTable(out, ["", "kind", "button", "", ""], rows));
  if (found.type === "deleted") writeLine(err, paint(err, "dim", "The contract has been deleted."));
  return exitCodes.done;
}

/** With which parameters it may be asked for, what they are about, and whether Stripe has a say. */
function offered({ asksStripe, choices = [] }: Extract<Button, { readonly allowed: true }>): string {
  const named = choices.map(({ params, amountMinor }) => {
    const given = Object.entries(params).map(([name, value]) => `${name}=${String(value)}`);
    const money = amountMinor === null ? [] : [`(${showMoney(amountMinor, onlyCurrency)})`];
    return [...given, ...money].join(" ");
  });
  return [named.join(", "), asksStripe ? "Stripe is asked, and may still say no" : ""]
    .filter((part) => part !== "")
    .join("; ");
}
