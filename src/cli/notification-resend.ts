import { type NotificationView, readNotification } from "../store/list-notifications.ts";
import { resendableStates, resendNotification } from "../store/resend-notification.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, writeJson, writeLine } from "./output.ts";
import { readOperatorId } from "./read-actor.ts";

export interface NotificationResendOptions {
  readonly notificationId: number;
  readonly reason: string;
  readonly actor?: string;
  readonly json?: boolean;
}

/** Puts a mail back to be sent again, and notes who wanted it and why. Written anew, to the address that is known now. */
export async function notificationResend(
  context: CommandContext,
  options: NotificationResendOptions,
): Promise<ExitCode> {
  const { notificationId, reason, actor, json = false } = options;
  const { db, out, err } = context;
  const operatorId = readOperatorId(actor);
  const notification = await readResendable(context, notificationId);
  if (!(await resendNotification(db, notification, { operatorId, reason }))) {
    await readResendable(context, notificationId);
    throw new CommandFailure(exitCodes.failed, {
      code: "notification_changed",
      sentence: `Mail ${notificationId} changed while it was decided about; nothing was written.`,
      remedy: "Look at it again with `keiyaku notification list`, then decide.",
    });
  }
  if (json) writeJson(out, { notificationId, state: "waiting" });
  else writeLine(out, `${paint(out, "green", "waiting")}  mail ${notificationId} will be sent again.`);
  writeLine(err, paint(err, "dim", "A process with the role notifications sends it: `keiyaku start`."));
  return exitCodes.done;
}

async function readResendable({ db }: Pick<CommandContext, "db">, id: number): Promise<NotificationView> {
  const notification = await readNotification(db, id);
  if (notification === undefined) {
    throw new CommandFailure(exitCodes.failed, {
      code: "notification_not_found",
      sentence: `The outbox has no mail ${id}.`,
      remedy: "`keiyaku notification list` shows what is there; the mails of a deleted contract go with it.",
    });
  }
  const { state } = notification;
  if ((resendableStates as readonly string[]).includes(state)) return notification;
  throw new CommandFailure(exitCodes.failed, {
    code: "notification_not_resendable",
    sentence: `Mail ${id} is ${state}, and is going to be sent without anybody's doing.`,
    remedy: "Leave it to the workers; what keeps it is told by `keiyaku notification list`.",
  });
}
