import { Gauge, type Registry } from "prom-client";
import { type MailFigures, mailsForAPersonDays } from "../store/read-mail-figures.ts";

/** The gauges of the outbox. Each is absent, not zero, until the database has answered. */
export interface MailGauges {
  set(figures: MailFigures): void;
  forget(): void;
}

/** Makes them. None has a value yet. */
export function createMailGauges(registers: Registry[]): MailGauges {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const ofLate = `of the last ${mailsForAPersonDays} days`;
  const waiting = gauge("keiyaku_mails_waiting", "Mails that are to be sent.");
  const oldest = gauge(
    "keiyaku_oldest_waiting_mail_seconds",
    "How long ago the oldest mail that is to be sent was caused; 0 when there is none.",
  );
  const unknown = gauge("keiyaku_mails_unknown", `Mails ${ofLate} of which nobody knows whether they were sent.`);
  const refused = gauge("keiyaku_mails_refused", `Mails ${ofLate} that will not be sent as they are.`);
  const forget = () => {
    for (const each of [waiting, oldest, unknown, refused]) each.remove();
  };
  forget();
  return {
    set(figures) {
      waiting.set(figures.waiting);
      oldest.set(figures.oldestWaitingSeconds);
      unknown.set(figures.unknown);
      refused.set(figures.refused);
    },
    forget,
  };
}
