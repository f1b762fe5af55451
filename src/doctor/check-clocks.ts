import type { Clock } from "../clock.ts";
import { clockSkewMsMax, skewMsOf } from "../clock-skew.ts";
import type { Database } from "../store/database.ts";
import { pingDatabase } from "../store/ping.ts";
import { type Finding, warning, well, wrong } from "./finding.ts";

/** How far the database's clock is ahead of this host's, in milliseconds. */
export async function measureDatabaseSkew(db: Database, clock: Clock, deadlineMs: number): Promise<number> {
  // The first answer may have waited for a connection, which would count as skew.
  await pingDatabase(db, deadlineMs);
  const beforeMs = clock.nowMs();
  const databaseMs = await pingDatabase(db, deadlineMs);
  return skewMsOf(databaseMs, beforeMs, clock.nowMs());
}

/** Judges how far a server's clock is ahead (or, negative, behind). The database's decides; Redis's is only a sign. */
export function judgeSkew(server: "the database" | "Redis", skewMs: number): Finding {
  const seconds = (Math.abs(skewMs) / 1_000).toFixed(1);
  const facts = { server, skewMs: Math.round(skewMs) };
  if (Math.abs(skewMs) <= clockSkewMsMax) {
    return well("clocks", `This host's clock and that of ${server} agree within ${seconds} s.`, facts);
  }
  const says = `This host's clock and that of ${server} differ by ${seconds} s.`;
  const remedy = "Synchronise both hosts (chrony, systemd-timesyncd); a wrong clock moves business days and due times.";
  return server === "the database"
    ? wrong("clocks", says, `${remedy} Workers on this host refuse to start until then.`, facts)
    : warning("clocks", says, remedy, facts);
}
