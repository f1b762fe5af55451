import postgres from "postgres";

/*
 * A process that shows what postgres.js does when the backend of an interactive transaction dies in the middle of it, and
 * writes what it saw as JSON. A process of its own, since it may see an exception that nothing can catch.
 *
 * Arguments: the database's URL; `alone` or `with_successor`, whether another transaction begins on the connection that
 * was opened again before the dead one's code goes on.
 */

export interface DeadTransactionSight {
  /** How the dead transaction ended for its caller. */
  readonly first: string;
  /** How its next statement ended; `unanswered` when it had not after a while. */
  readonly nextStatement: string;
  /** How the other transaction ended; null when there was none. */
  readonly second: string | null;
  readonly uncaught: readonly string[];
  /** Who wrote what is in the table in the end. */
  readonly written: readonly string[];
}

const unansweredAfterMs = 2_000;

const [url = "", scene = ""] = process.argv.slice(2);
const uncaught: string[] = [];
process.on("uncaughtException", (error) => void uncaught.push(error.message));

const sql = postgres(url, { max: 1, onnotice: () => undefined });
const observer = postgres(url, { max: 1, onnotice: () => undefined });

/** A promise that is resolved from outside. */
function signal(): { readonly given: Promise<void>; give(): void } {
  let give = (): void => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

function endingOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "done",
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );
}

function answered(work: Promise<unknown>): Promise<string> {
  return Promise.race([
    endingOf(work),
    new Promise<string>((resolve) => setTimeout(resolve, unansweredAfterMs, "unanswered")),
  ]);
}

await observer`create table written (by text not null)`;
const firstIsDead = signal();
const nextIsOver = signal();
let nextStatement = "";

const first = endingOf(
  sql.begin(async (transaction) => {
    await transaction`insert into written values ('first, before')`;
    const [backend] = await transaction`select pg_backend_pid() as pid`;
    await observer`select pg_terminate_backend(${backend?.pid})`;
    await firstIsDead.given;
    nextStatement = await answered(transaction`insert into written values ('first, after its death')`);
    nextIsOver.give();
  }),
);
const firstEnding = await first;

let second: string | null = null;
if (scene === "with_successor") {
  second = await endingOf(
    sql.begin(async (transaction) => {
      await transaction`insert into written values ('second')`;
      firstIsDead.give();
      await nextIsOver.given;
    }),
  );
} else {
  firstIsDead.give();
  await nextIsOver.given;
}

const rows = await observer`select by from written`;
const sight: DeadTransactionSight = {
  first: firstEnding,
  nextStatement,
  second,
  uncaught,
  written: rows.map((row) => String(row.by)),
};
process.stdout.write(JSON.stringify(sight), () => process.exit(0));
