import type { Queue } from "bullmq";
import type { RunTime } from "../maintenance/owed-dates.ts";
import { dailyBell } from "./enqueue.ts";

/** There is one job scheduler, and this is its name. */
const schedulerId = "daily_run";

/**
 * Has the queue's job scheduler ring every day at `DAILY_RUN_AT` of the business time zone, and says whether that was new to it.
 * The queue may lose it: so this is called at every start and every few minutes.
 *
 * It only rings, and a bell too many or too few changes nothing. So no lock is held while it is written: it is looked for first,
 * and of several that write it at once the others are told that its next job exists already, which is well.
 */
export async function keepDailyBell(queue: Queue, { dailyRunAt, zone }: RunTime): Promise<boolean> {
  const [hour = "", minute = ""] = dailyRunAt.split(":");
  // By pattern: one that rings every so often would ring at once, and go by the moment of its making.
  const pattern = `${Number(minute)} ${Number(hour)} * * *`;
  const known = await queue.getJobScheduler(schedulerId);
  if (known?.pattern === pattern && known.tz === zone) return false;
  try {
    await queue.upsertJobScheduler(schedulerId, { pattern, tz: zone }, dailyBell);
    return true;
  } catch (error) {
    const written = await queue.getJobScheduler(schedulerId);
    if (written?.pattern === pattern && written.tz === zone) return false;
    throw error;
  }
}
