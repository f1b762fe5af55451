import { CommandFailure } from "./command-failure.ts";
import { exitCodes } from "./exit-codes.ts";

/** The failure of a command that is to go on with what nobody has interrupted. */
export function nothingToResume(command: string): CommandFailure {
  return new CommandFailure(exitCodes.wrongUsage, {
    code: "nothing_to_resume",
    sentence: `No \`keiyaku ${command}\` was interrupted.`,
    remedy: "Leave out --resume to begin a new one.",
  });
}

/** The failure of a command whose work somebody else has gone on with. */
export function overtaken(command: string): CommandFailure {
  return new CommandFailure(exitCodes.tryLater, {
    code: "overtaken",
    sentence: `Another \`keiyaku ${command}\` is at the same work, or has begun it anew.`,
    remedy: "Let that one come to its end; it tells everything.",
  });
}
