import type { Command as CommanderCommand } from "commander";
import type { Command } from "./context.ts";
import type { RunOptions } from "./run-command.ts";

/** Runs a command on the installation of the settings. Commands are loaded only then, so that `--help` is quick. */
export type Run = (command: Command, options?: RunOptions) => Promise<void>;

/** Adds a command, or a group of them, to the program: its arguments and options, and what they are for. */
export type Define = (parent: CommanderCommand, run: Run) => void;
