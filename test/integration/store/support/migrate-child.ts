import postgres from "postgres";
import { migrate } from "../../../../src/store/migrate.ts";

/*
 * A process that migrates a database as soon as nobody holds the gate, an advisory lock, exclusively.
 *
 * Arguments: the database's URL and the gate's number.
 */

const [url = "", gate = ""] = process.argv.slice(2);
const sql = postgres(url, { max: 1, onnotice: () => undefined });
await sql`select pg_advisory_lock_shared(${gate})`;
await sql.end();
await migrate({ databaseUrl: url });
process.stdout.write("migrated");
