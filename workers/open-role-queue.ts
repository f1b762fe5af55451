import type { Queue } from "bullmq";
import type { QueueName } from "../src/queue/payloads.ts";
import { closeQueue, openQueue } from "../src/queue/queue-backend.ts";
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
    if (isRefusal(error)) {
      const sentence = `${server} does not let this user use the queue ${name} (${wordOf(error)}): grant it the rights.`;
      throw new StartRefused(sentence, false);
    }
    throw new StartRefused(
      `${server} went away while the queue ${name} was opened; check that the server runs (${wordOf(error)}).`,
      true,
    );
  });
  closing.onClose(() => closeQueue(queue, 1_000));
  return queue;
}

/** SQLSTATEs of a login or a right that is missing, and Redis' words for the same. */
function isRefusal(error: unknown): boolean {
  return (
    /^(?:28|3D|42)/.test(wordOf(error)) ||
    (error instanceof Error && /^(?:NOPERM|NOAUTH|WRONGPASS)/.test(error.message))
  );
}

/** A code or a name, never a message: drivers quote what they were given. */
function wordOf(error: unknown): string {
  if (!(error instanceof Error)) return "unreachable";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
