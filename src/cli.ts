#!/usr/bin/env node
import { existsSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { type Output, outputOnto } from "./cli/output.ts";
import { runProgram } from "./cli/program.ts";

/*
 * The command line: `keiyaku --help` tells what it can do. The exit waits until everything was written, and for nothing
 * else: each command has closed what it opened.
 */
// What the environment says already comes before what the file says.
if (existsSync(".env")) process.loadEnvFile(".env");

const out = outputOnto(process.stdout);
const err = outputOnto(process.stderr);

async function askAtTerminal(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // In raw mode the terminal gives Ctrl-C to the reader instead of raising the signal.
  terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    return await terminal.question(question, { signal });
  } finally {
    terminal.close();
  }
}

function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write("", () => resolve());
  });
}

const ask = process.stdin.isTTY && hasTerminal(err) ? askAtTerminal : null;

function hasTerminal({ terminal }: Output): boolean {
  return terminal !== null;
}

const exitCode = await runProgram({ out, err, ask }, process.argv.slice(2));
await Promise.all([written(process.stdout), written(process.stderr)]);
process.exit(exitCode);
