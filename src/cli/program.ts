import { Argument, Command as CommanderCommand, CommanderError } from "commander";
import { type RoleName, roleNames } from "../roles.ts";
import { version } from "../version.ts";
import type { Console } from "./context.ts";
import type { Define, Run } from "./define.ts";
import { defineBooks } from "./define-books.ts";
import { defineCustomer, defineProduct } from "./define-catalog.ts";
import { defineContract } from "./define-contract.ts";
import { defineEvent } from "./define-event.ts";
import { defineImport } from "./define-import.ts";
import { defineLookingAhead } from "./define-looking-ahead.ts";
import { defineMaintenance } from "./define-maintenance.ts";
import { defineNotification } from "./define-notification.ts";
import { defineOperation } from "./define-operation.ts";
import { defineRequest } from "./define-request.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { explainFailure, writeFailure } from "./explain-failure.ts";
import { jsonOption } from "./option-values.ts";

/**
 * Runs the command line and returns the exit code. `args` are what follows the program's name. Never throws: what goes
 * wrong is said on `console.err`, a line each.
 */
export async function runProgram(console: Console, args: readonly string[]): Promise<number> {
  const ending: { code: number } = { code: exitCodes.done };
  const program = createProgram(console, ending);
  try {
    await program.parseAsync(args, { from: "user" });
    return ending.code;
  } catch (error) {
    if (error instanceof CommanderError) return explainUsage(console, error);
    const { exitCode, failures } = explainFailure(error);
    for (const failure of failures) writeFailure(console.err, failure);
    return exitCode;
  }
}

/** Commander ends by throwing, also after it has shown the help or the version that was asked for. */
function explainUsage({ err }: Console, error: CommanderError): number {
  if (error.exitCode === 0) return exitCodes.done;
  // A group without its command: the help was shown in its place.
  if (error.code === "commander.help") return exitCodes.wrongUsage;
  const sentence = error.message.replace(/^error: /, "").replace(/\.?$/, ".");
  writeFailure(err, {
    code: "wrong_usage",
    sentence: sentence.charAt(0).toUpperCase() + sentence.slice(1),
    remedy: "Add --help to the command to see how it is used.",
  });
  return exitCodes.wrongUsage;
}

function createProgram(console: Console, ending: { code: number }): CommanderCommand {
  const program = new CommanderCommand("keiyaku")
    .description("Carries out contract operations, exactly once in effect, against Stripe and PostgreSQL.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    // A --version after a command is that command's own: the version of what is put.
    .enablePositionalOptions()
    .addHelpText("after", `\n${exitCodesHelp}\n\nSettings come from the environment; .env.example lists them.`)
    .configureOutput({
      writeOut: (text) => console.out.write(text),
      writeErr: (text) => console.err.write(text),
      outputError: () => undefined,
    })
    .exitOverride();
  const run: Run = async (command, options) => {
    const { runCommand } = await import("./run-command.ts");
    ending.code = await runCommand(console, command, options);
  };
  program
    .command("start")
    .description("start the workers in this process, until SIGTERM or SIGINT")
    .addArgument(
      new Argument(
        "[workers...]",
        "which of them; unless given, all: the relay if STRIPE_WEBHOOK_SECRETS is set, the API if API_TOKENS is",
      ).choices(roleNames),
    )
    .action(async (workers: readonly RoleName[]) => {
      const { start } = await import("./start.ts");
      ending.code = await start(workers);
    });
  const defines: readonly Define[] = [
    defineMigrate,
    defineDoctor,
    defineImport,
    defineRequest,
    defineContract,
    defineOperation,
    defineEvent,
    defineNotification,
    defineMaintenance,
    defineLookingAhead,
    defineBooks,
    defineProduct,
    defineCustomer,
  ];
  for (const define of defines) define(program, run);
  return program;
}

const defineDoctor: Define = (parent, run) => {
  parent
    .command("doctor")
    .description("look at everything that the workers depend on, and say what to do about what is wrong")
    .addOption(jsonOption())
    .action((options: { readonly json?: boolean }) =>
      run(async (context) => (await import("./doctor.ts")).doctor(context, options), { anySchema: true }),
    );
};

const defineMigrate: Define = (parent, run) => {
  parent
    .command("migrate")
    .description("bring the database up to date")
    .addOption(jsonOption())
    .action((options: { readonly json?: boolean }) =>
      run(async (context) => (await import("./migrate.ts")).migrate(context, options), { anySchema: true }),
    );
};
