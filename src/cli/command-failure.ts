import type { ExitCode } from "./exit-codes.ts";

/** What a person is told when a command fails. The code is stable and meant for programs. */
export interface FailureWords {
  readonly code: string;
  /** What is wrong, as a whole sentence. */
  readonly sentence: string;
  /** What to do about it, as a whole sentence. */
  readonly remedy: string;
}

/** A command cannot do what it was asked for, and says why and what to do. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  readonly words: FailureWords;
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, words: FailureWords) {
    super(`${words.code}: ${words.sentence}`);
    this.words = words;
    this.exitCode = exitCode;
  }
}
