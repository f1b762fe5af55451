import { grouped, type SafetyJudge } from "./evidence.ts";

/** The row of the outbox that a mail is of: `keiyaku.<id>.<digits>@…`. */
function rowOf(messageId: string): number | undefined {
  const [, id] = /^<?keiyaku\.(\d+)\./.exec(messageId) ?? [];
  return id === undefined ? undefined : Number(id);
}

export const oneMailEach: SafetyJudge = {
  id: "I14",
  claim: "No mail is taken twice by the mail server, and one that the outbox calls sent was taken.",
  judge({ tables, mails }) {
    const violations: string[] = [];
    const each = grouped(mails, ({ messageId, to }) => `${messageId} to ${to}`);
    for (const [mail, times] of each) if (times.length > 1) violations.push(`${mail} was taken ${times.length} times`);
    const taken = new Set(mails.map(({ messageId }) => rowOf(messageId)));
    for (const { id, state, cause, kind } of tables.notifications) {
      if (state === "sent" && !taken.has(id))
        violations.push(`${kind} for ${cause} is called sent, and nobody took it`);
    }
    return { checked: each.size + tables.notifications.length, violations };
  },
};
