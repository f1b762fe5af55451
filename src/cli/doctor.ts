import { examine } from "../doctor/examine.ts";
import type { Finding, Verdict } from "../doctor/finding.ts";
import type { QueueBackend } from "../queue/queue-backend.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { type Output, paint, plainText, writeJson, writeLine } from "./output.ts";
import { showMoney } from "./show-money.ts";

/**
 * Looks at everything that the workers depend on and at what waits for a person, and says what to do about what it finds.
 * Changes nothing. Fails when something is wrong; a warning is no failure.
 */
export async function doctor(
  { config, address, db, clock, out }: CommandContext,
  { json = false }: { readonly json?: boolean },
): Promise<ExitCode> {
  const queue: QueueBackend =
    config.queue.type === "redis" ? { type: "redis", url: config.queue.url.reveal() } : { type: "postgres", address };
  const findings = await examine({ config, db, queue, clock, showMoney });
  const isWell = !findings.some(({ verdict }) => verdict === "wrong");
  if (json) writeJson(out, { well: isWell, findings });
  else for (const finding of findings) writeFinding(out, finding);
  return isWell ? exitCodes.done : exitCodes.failed;
}

const words = { well: "ok", warning: "warning", wrong: "wrong", skipped: "skipped" } as const satisfies Record<
  Verdict,
  string
>;
const formats = { well: "green", warning: "yellow", wrong: "red", skipped: "dim" } as const satisfies Record<
  Verdict,
  string
>;

function writeFinding(out: Output, { check, verdict, says, remedy }: Finding): void {
  const word = paint(out, formats[verdict], words[verdict].padEnd(7));
  writeLine(out, `${word}  ${check.padEnd(10)}  ${plainText(says)}`);
  if (remedy !== undefined) writeLine(out, `${" ".repeat(21)}${paint(out, "dim", "→")} ${plainText(remedy)}`);
}
