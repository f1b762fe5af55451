/**
 * What a command's exit tells the program that called it. 2 and 75 follow the shell's and sysexits' custom (EX_TEMPFAIL); a
 * process that a signal ended exits with 128 and the signal's number.
 */
export const exitCodes = {
  done: 0,
  failed: 1,
  wrongUsage: 2,
  partlyFailed: 3,
  tryLater: 75,
  interrupted: 130,
  terminated: 143,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The list of exit codes as `--help` shows it. */
export const exitCodesHelp = `Exit codes:
  0    done
  1    failed, or refused by a rule; reconcile: differences, audit: violations
  2    wrong usage or settings; nothing was done
  3    partly failed: what failed is named, the rest is done; reconcile: not everything could be looked at
  75   try later: the database, the queue or Stripe cannot be reached, or it took longer than asked
  130  ended by SIGINT (Ctrl-C)
  143  ended by SIGTERM`;
