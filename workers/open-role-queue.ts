import type { Queue } from "bullmq";
import { refusalIn } from "../src/queue/inspect-redis.ts";
import type { QueueName } from "../src/queue/payloads.ts";
import { closeQueue, openQueue } from "../src/queue/queue-backend.ts";
import { toStoreError } from "../src/store/store-error.ts";
import { StartRefused } from "./check-servers.ts";
import type { RoleContext } from "./role.ts";

/** A queue's beginning takes a fraction of a second; a server that has not answered by then has gone. */
const openedWithinMs = 5_000;

/**
 * Opens a queue for a role, and has it closed with the process. The servers have answered a moment before: one that fails here
 * went away meanwhile, so that the same start may be tried again.
 */
export async function openRoleQueue(
  { installation, watch, closing }: Pick<RoleContext, "installation" | "watch" | "closing">,
  name: QueueName,
): Promise<Queue> {
  const queue = await openQueue(installation.queue, name, openedWithinMs, watch.telemetry).catch((error: unknown) => {
    const server = installation.queue.type === "redis" ? "Redis" : "PostgreSQL";
    const { fault, code } = toStoreError(error, "open_queue");
    const refusal = refusalIn(error) ?? (fault === "refused" ? code : undefined);
    if (refusal !== undefined) {
      const sentence = `${server} does not let this user use the queue ${name} (${refusal}): grant it the rights.`;
      throw new StartRefused(sentence, false);
    }
    throw new StartRefused(
      `${server} went away while the queue ${name} was opened; check that the server runs (${code}).`,
      true,
    );
  });
  closing.onClose(() => closeQueue(queue, 1_000));
  return queue;
}
