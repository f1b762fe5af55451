import { Option } from "commander";
import { type NotificationState, notificationStates } from "../store/notification-parts.ts";
import type { Define } from "./define.ts";
import type { NotificationListOptions } from "./notification-list.ts";
import type { NotificationResendOptions } from "./notification-resend.ts";
import { jsonOption, notificationNumber, reasonText, wholeNumber } from "./option-values.ts";

/** `keiyaku notification list` and `resend`. */
export const defineNotification: Define = (parent, run) => {
  const group = parent.command("notification").description("look at mails, send them again").helpCommand(false);
  group
    .command("list")
    .description("list mails, the last caused first")
    .addOption(new Option("--state <states...>", "only in these states").choices(notificationStates))
    .option("--contract <id>", "only about this contract")
    .option("--limit <number>", "how many", wholeNumber, 50)
    .addOption(jsonOption())
    .action(({ contract, state, ...options }: GivenFilter) => {
      const filter = {
        ...(contract === undefined ? {} : { contractId: contract }),
        ...(state === undefined ? {} : { states: state }),
      };
      return run(async (context) =>
        (await import("./notification-list.ts")).notificationList(context, { ...filter, ...options }),
      );
    });
  group
    .command("resend")
    .description("send a mail again that was sent, was refused, or of which nobody knows")
    .argument("<notification>", "the mail's number", notificationNumber)
    .requiredOption("--reason <text>", "why; no names and no mail addresses, since it is kept and shown", reasonText)
    .option("--actor <operator:name>", "who decides (default: this user)")
    .addOption(jsonOption())
    .action((notificationId: number, options: Omit<NotificationResendOptions, "notificationId">) =>
      run(async (context) =>
        (await import("./notification-resend.ts")).notificationResend(context, { notificationId, ...options }),
      ),
    );
};

interface GivenFilter extends Pick<NotificationListOptions, "limit" | "json"> {
  readonly contract?: string;
  readonly state?: readonly NotificationState[];
}
