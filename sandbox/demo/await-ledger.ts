import { setTimeout as pause } from "node:timers/promises";
import type { Sql } from "postgres";

/** How far the ledger has come with what was sent. */
interface Progress {
  readonly accepted: number;
  readonly concluded: number;
  readonly held: number;
  readonly open: number;
  readonly refused: number;
}

export interface AwaitOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (concluded: number, expected: number) => void;
  /** How long nothing may move. */
  readonly patienceMs?: number;
  readonly pollEveryMs?: number;
}

/** The sweep finds what nobody rang for within 90 s; what has not moved by then never will. */
const patienceMsDefault = 120_000;

const pollEveryMsDefault = 150;

/**
 * Waits until the ledger has an answer to everything that was sent: each id is an operation, each other content under a
 * used id is refused, and no operation is open but for those that wait for a person. Returns how many operations there are.
 *
 * Throws when nothing moves for a while.
 */
export async function awaitLedger(
  sql: Sql,
  sent: readonly { readonly id: string }[],
  { signal, onProgress, patienceMs = patienceMsDefault, pollEveryMs = pollEveryMsDefault }: AwaitOptions,
): Promise<number> {
  const ids = [...new Set(sent.map(({ id }) => id))];
  const contents = new Set(sent.map((request) => JSON.stringify(request)));
  const reused = contents.size - ids.length;
  let movedAt = performance.now();
  let lastSeen = "";
  for (;;) {
    signal.throwIfAborted();
    const progress = await readProgress(sql, ids);
    const { accepted, concluded, held, open, refused } = progress;
    onProgress(concluded, ids.length);
    if (accepted === ids.length && open === 0 && refused >= reused) return concluded + held;
    const seen = JSON.stringify(progress);
    if (seen !== lastSeen) movedAt = performance.now();
    lastSeen = seen;
    if (performance.now() - movedAt > patienceMs) {
      throw new Error(
        `Nothing has moved for ${patienceMs / 1_000} s: of ${ids.length} operations ${accepted} were accepted, ` +
          `${concluded} have ended, ${open} are open; ${refused} of ${reused} reused ids were refused.`,
      );
    }
    await pause(pollEveryMs, undefined, { signal });
  }
}

async function readProgress(sql: Sql, ids: readonly string[]): Promise<Progress> {
  const [row] = await sql<Progress[]>`
    select count(*)::int as accepted,
      (count(*) filter (where state in ('succeeded', 'rejected', 'abandoned')))::int as concluded,
      (count(*) filter (where state = 'held'))::int as held,
      (count(*) filter (where state in ('requested', 'executing')))::int as open,
      (select count(*)::int from keiyaku.refused_requests where code = 'id_reused') as refused
    from keiyaku.operations where id = any (${ids as string[]})`;
  return row ?? { accepted: 0, concluded: 0, held: 0, open: 0, refused: 0 };
}
