import { listNotifications, type NotificationFilter, type NotificationView } from "../store/list-notifications.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, plainText, writeJson, writeLine } from "./output.ts";
import { showTable } from "./show-table.ts";
import { inUtc, showInstant } from "./show-time.ts";

export interface NotificationListOptions extends NotificationFilter {
  readonly json?: boolean;
}

/** Lists mails, the last caused first. */
export async function notificationList(
  { db, out, err, config }: CommandContext,
  { json = false, ...filter }: NotificationListOptions,
): Promise<ExitCode> {
  const notifications = await listNotifications(db, filter);
  if (json) {
    writeJson(out, notifications.map(inUtc));
    return exitCodes.done;
  }
  const zone = config.businessTimeZone;
  const rows = notifications.map((notification) => [
    String(notification.id),
    showInstant(notification.createdAt, zone),
    notification.kind,
    notification.address ?? notification.recipient,
    notification.contractId ?? "–",
    notification.state,
    plainText(remarkOn(notification, zone), 100),
  ]);
  out.write(showTable(out, [{ head: "mail", align: "right" }, "caused", "kind", "to", "contract", "state", ""], rows));
  writeLine(err, paint(err, "dim", `Times are in ${zone}.`));
  if (notifications.length === filter.limit) {
    writeLine(err, paint(err, "dim", `These are the last ${filter.limit}; --limit shows more.`));
  }
  return exitCodes.done;
}

function remarkOn(notification: NotificationView, zone: string): string {
  const { state, problem, attempt, nextAttemptAt, sentAt, resends } = notification;
  const parts = [
    state === "sent" ? `at ${showInstant(sentAt, zone)}` : "",
    problem ?? "",
    state === "waiting" && attempt > 0 ? `again at ${showInstant(nextAttemptAt, zone)}` : "",
    resends.length > 0 ? `had sent again by ${resends.at(-1)?.operatorId}: ${resends.at(-1)?.reason}` : "",
  ];
  return parts.filter((part) => part !== "").join("; ");
}
