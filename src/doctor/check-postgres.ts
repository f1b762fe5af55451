import type { Database } from "../store/database.ts";
import { inspectPostgres, type PostgresState } from "../store/inspect-server.ts";
import { queueVersionKnown } from "../store/migrate.ts";
import { readSchemaState, type SchemaState } from "../store/schema-state.ts";
import { StoreError } from "../store/store-error.ts";
import { type Finding, warning, well, wrong } from "./finding.ts";

/** The oldest on which the tests run. */
const versionNumberMin = 150_000;

/** Above this share of the server's connections the next process may not get one. */
const connectionsShareMax = 0.8;

/** Whether PostgreSQL answers, and as what. */
export async function checkPostgres(db: Database, deadlineMs: number): Promise<readonly Finding[]> {
  try {
    return judgePostgres(await inspectPostgres(db, deadlineMs));
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return [
      error.fault === "refused"
        ? wrong(
            "postgres",
            `PostgreSQL refuses the user, the password or the database's name (${error.code}).`,
            "Correct DATABASE_URL.",
          )
        : wrong(
            "postgres",
            `PostgreSQL does not answer (${error.code}).`,
            "Check DATABASE_URL, that the server runs, and the way to it.",
          ),
    ];
  }
}

/** Judges what the server tells of itself. */
export function judgePostgres(state: PostgresState): readonly Finding[] {
  const { version, versionNumber, isStandby, connections, connectionsMax } = state;
  const used = `${connections} of ${connectionsMax} connections are taken`;
  const findings: Finding[] = [well("postgres", `PostgreSQL ${version} answers; ${used}.`, { ...state })];
  if (isStandby) {
    findings.push(
      wrong(
        "postgres",
        "The server is a standby: it takes no writes.",
        "Let DATABASE_URL name the primary, or promote this one if the primary is lost.",
      ),
    );
  }
  if (versionNumber < versionNumberMin) {
    findings.push(
      warning(
        "postgres",
        `PostgreSQL ${version} is older than any on which this program is tested.`,
        "Upgrade to 15 or newer.",
      ),
    );
  }
  if (connections > connectionsShareMax * connectionsMax) {
    findings.push(
      warning(
        "postgres",
        `${used}: the next process may not get one.`,
        "Raise max_connections, or lower WORKER_CONCURRENCY and DATABASE_POOL_SIZE; `select * from pg_stat_activity` shows who holds them.",
      ),
    );
  }
  return findings;
}

/** Whether the database has the tables and functions of this version, ours and the queue's. */
export async function checkSchema(db: Database): Promise<readonly Finding[]> {
  return [judgeSchema({ ...(await readSchemaState(db)), queueVersionKnown })];
}

/** How far a database is migrated, and how far this version of the code would take the queue's schema. */
export interface JudgedSchema extends SchemaState {
  readonly queueVersionKnown: number;
}

export function judgeSchema(state: JudgedSchema): Finding {
  const { applied, known, isCurrent, queueVersion } = state;
  const remedy = "Run `keiyaku migrate`; it may be repeated, and waits for others that do the same.";
  if (applied === 0) return wrong("schema", "The database has never been migrated.", remedy, { ...state });
  if (!isCurrent) {
    return wrong("schema", `The database has ${applied} of the ${known} migrations of this version.`, remedy, {
      ...state,
    });
  }
  if (queueVersion === null || queueVersion < state.queueVersionKnown) {
    const has = queueVersion === null ? "is missing" : `is at version ${queueVersion} of ${state.queueVersionKnown}`;
    return wrong("schema", `The queue's own schema ${has}.`, remedy, { ...state });
  }
  if (applied > known) {
    return warning(
      "schema",
      `The database has ${applied} migrations, and this version knows ${known}: a newer version has been here.`,
      "Use the newer version; what it has changed has no way back but a backup.",
      { ...state },
    );
  }
  return well("schema", `The schema is up to date: ${applied} migrations, the queue's at version ${queueVersion}.`, {
    ...state,
  });
}
