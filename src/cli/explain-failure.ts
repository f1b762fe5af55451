import { ConfigError } from "../config.ts";
import { CannotListen } from "../http/listen.ts";
import { describeError } from "../log-error.ts";
import { StoreError } from "../store/store-error.ts";
import { CommandFailure, type FailureWords } from "./command-failure.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { type Output, paint, plainText, writeLine } from "./output.ts";

/** An error in words, and the exit code that goes with it. */
export interface ExplainedFailure {
  readonly exitCode: ExitCode;
  readonly failures: readonly FailureWords[];
}

/** Says in sentences what went wrong, for everything that a command may throw. No secret and no parameter is quoted. */
export function explainFailure(error: unknown): ExplainedFailure {
  if (error instanceof CommandFailure) return { exitCode: error.exitCode, failures: [error.words] };
  if (error instanceof ConfigError) {
    const remedy = ".env.example lists every setting.";
    const failures = error.mistakes.map((sentence) => ({ code: "invalid_settings", sentence, remedy }));
    return { exitCode: exitCodes.wrongUsage, failures };
  }
  if (error instanceof StoreError) return explainStoreError(error);
  if (error instanceof CannotListen) {
    const code = error.portInUse ? "port_in_use" : "cannot_listen";
    return { exitCode: exitCodes.failed, failures: [{ code, sentence: error.message, remedy: error.remedy }] };
  }
  return {
    exitCode: exitCodes.failed,
    failures: [
      {
        code: "unexpected_error",
        sentence: unexpected(error),
        remedy: "Nobody has foreseen this: report it with these lines.",
      },
    ],
  };
}

function unexpected(error: unknown): string {
  const { name, message, code, frames } = describeError(error);
  const what = [message ?? name, code === undefined ? "" : ` (${code})`].join("");
  return `${what}${what.endsWith(".") ? "" : "."}${frames?.[0] === undefined ? "" : ` It came from ${frames[0]}.`}`;
}

/** SQLSTATEs of a table, schema or function that is not there: a database that was never migrated. */
const missingSchemaCodes = ["3F000", "42P01", "42883", "42704"];

function explainStoreError({ fault, code, statement }: StoreError): ExplainedFailure {
  const explained = (exitCode: ExitCode, words: FailureWords) => ({ exitCode, failures: [words] });
  if (fault === "unreachable") {
    return explained(exitCodes.tryLater, {
      code: "database_unreachable",
      sentence: `PostgreSQL does not answer (${code}).`,
      remedy: "Check DATABASE_URL and that the server runs, then run the same command again.",
    });
  }
  if (fault === "busy" || fault === "conflict") {
    const sentence =
      fault === "busy"
        ? `PostgreSQL has no time or room for this now (${code}, ${statement}).`
        : `Somebody else changed the same thing at the same moment (${code}, ${statement}).`;
    return explained(exitCodes.tryLater, {
      code: `database_${fault}`,
      sentence: `${sentence} Nothing was written.`,
      remedy: "Run the same command again.",
    });
  }
  if (code.startsWith("28") || code === "3D000") {
    return explained(exitCodes.wrongUsage, {
      code: "database_login_refused",
      sentence: `PostgreSQL refuses the user, the password or the database's name (${code}).`,
      remedy: "Correct DATABASE_URL.",
    });
  }
  if (missingSchemaCodes.includes(code)) return explained(exitCodes.failed, schemaMissing);
  return explained(exitCodes.failed, {
    code: "database_refused",
    sentence: `PostgreSQL refuses the statement ${statement} (${code}).`,
    remedy: "Look up the code in PostgreSQL's list of errors; the server's log has the details.",
  });
}

/** The failure of a database that lacks tables or functions of this version. */
export const schemaMissing: FailureWords = {
  code: "schema_outdated",
  sentence: "The database lacks migrations of this version.",
  remedy: "Run `keiyaku migrate` first.",
};

/** Writes one line of an error: its code, the sentence, the remedy. */
export function writeFailure(err: Output, { code, sentence, remedy }: FailureWords): void {
  writeLine(err, `${paint(err, "red", `error ${code}:`)} ${plainText(`${sentence} ${remedy}`)}`);
}
