import { sql } from "drizzle-orm";
import type { DatabaseOptions as DatabaseAddress } from "../database-url.ts";
import { Database } from "./database.ts";

/** Whether any other client is connected to the server. Asked before a server is stopped that others may have joined. */
export async function isInUse(address: DatabaseAddress): Promise<boolean> {
  const db = new Database({ address, poolSize: 1, applicationName: "keiyaku-stop" });
  try {
    const [row] = await db.run<{ others: number }>(
      "count_others",
      sql`select count(*) as others from pg_stat_activity
        where backend_type = 'client backend' and pid <> pg_backend_pid()`,
      { deadlineMs: 2_000 },
    );
    return (row?.others ?? 0) > 0;
  } finally {
    await db.close(500);
  }
}
