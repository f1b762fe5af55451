import { pino } from "pino";
import postgres from "postgres";
import { parseDatabaseUrl } from "../../src/database-url.ts";
import { Database, type StatementHook } from "../../src/store/database.ts";
import { createTestDatabase } from "./database.ts";

/** A migrated database of the test's own, our access to it, and the test's own way of looking at it. */
export interface TestStore {
  readonly url: string;
  readonly db: Database;
  /** A connection that shares nothing with our access layer. */
  readonly sql: postgres.Sql;
  close(): Promise<void>;
}

/** Reads a URL of the test servers; they are ours, so it can be read. */
export function addressOf(url: string) {
  const parsed = parseDatabaseUrl(url);
  if (parsed.type === "mistaken") throw new Error(parsed.mistakes.join(" "));
  return parsed.options;
}

export async function createTestStore(
  options: { onStatement?: StatementHook; poolSize?: number } = {},
): Promise<TestStore> {
  const database = await createTestDatabase();
  const { poolSize = 8, ...rest } = options;
  const db = new Database({ address: addressOf(database.url), poolSize, applicationName: "keiyaku-test", ...rest });
  const sql = postgres(database.url, { max: 4, onnotice: () => undefined });
  return {
    url: database.url,
    db,
    sql,
    async close() {
      await db.close(1_000);
      await sql.end({ timeout: 1 });
      await database.drop();
    },
  };
}

export const silentLog = pino({ level: "silent" });
