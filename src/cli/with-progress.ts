import { DefaultRenderer, Listr, ListrLogger, ProcessOutput } from "listr2";
import type { Clock } from "../clock.ts";
import { type Output, writeLine } from "./output.ts";

/** Tells how far a long work has come: a share from 0 to 1, or null when nobody knows, and a few words. */
export type Report = (share: number | null, words: string) => void;

/** Draws though stdout is no terminal, since it does not draw there. */
class StderrRenderer extends DefaultRenderer {
  static override nonTTY = true;
}

/** Often enough to look alive in a log, and seldom enough not to fill it. */
const plainEveryMs = 5_000;

/**
 * Does a work and shows its progress: as a bar on a terminal, as a plain line every five seconds elsewhere. What the work
 * itself writes to the same terminal meanwhile appears under the bar once it is over.
 */
export async function withProgress<T>(
  { err, clock }: { readonly err: Output; readonly clock: Clock },
  title: string,
  work: (report: Report) => Promise<T>,
): Promise<T> {
  if (err.terminal === null) return work(plainReport(err, clock, title));
  const result: { value?: T } = {};
  const list = new Listr(
    {
      title,
      task: async (_, task) => {
        result.value = await work((share, words) => {
          task.title = `${title}  ${share === null ? "" : `${showBar(share)}  `}${words}`;
        });
      },
    },
    {
      renderer: StderrRenderer,
      // Signals are the command's to handle: it ends the work, and with it the drawing.
      registerSignalListeners: false,
      rendererOptions: {
        collapseErrors: false,
        showErrorMessage: false,
        // Both of its outputs go to the terminal, so that stdout holds data only.
        logger: new ListrLogger({
          useIcons: true,
          toStderr: [],
          processOutput: new ProcessOutput(err.terminal, err.terminal, { leaveEmptyLine: false }),
        }),
      },
    },
  );
  await list.run();
  return result.value as T;
}

function plainReport(err: Output, clock: Clock, title: string): Report {
  let saidAtMs = clock.monotonicMs();
  return (share, words) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - saidAtMs < plainEveryMs) return;
    saidAtMs = nowMs;
    writeLine(err, `${title}: ${share === null ? "" : `${Math.floor(share * 100)} %, `}${words}`);
  };
}

const barWidth = 24;

function showBar(share: number): string {
  const full = Math.round(Math.min(Math.max(share, 0), 1) * barWidth);
  return `${"█".repeat(full)}${"░".repeat(barWidth - full)} ${Math.floor(share * 100)} %`;
}
