import { onTestFinished } from "vitest";
import { type Clock, systemClock } from "../../../src/clock.ts";
import type { Delivery, Mail, MailTransport } from "../../../src/mail/mail.ts";
import { createSmtpTransport } from "../../../src/mail/smtp-transport.ts";
import { parseSmtpUrl } from "../../../src/smtp-url.ts";
import { type NotificationsDeps, type Sending, startSending } from "../../../workers/notifications.ts";
import { type MailServer, startMailServer } from "../../support/mail-server.ts";
import { claimedMail, sender } from "../../support/mails.ts";
import { addContract } from "../../support/store-rows.ts";
import { createTestStore, silentLog, type TestStore } from "../../support/test-database.ts";

/** A mail of the outbox, as the tests look at it. */
export interface OutboxRow {
  readonly id: number;
  readonly state: string;
  readonly attempt: number;
  readonly problem: string | null;
  readonly sent_at: Date | null;
  readonly claimed_at: Date | null;
  readonly next_attempt_at: Date | null;
  /** How many seconds from now it is tried again. */
  readonly due_in: number | null;
}

/** A database with the contract c-1 of a customer, a mail server, and ways to put mails into the outbox and to send them. */
export interface OutboxBench extends TestStore {
  readonly server: MailServer;
  readonly deps: NotificationsDeps;
  /** How each mail ended, as the metrics are told. */
  readonly ended: string[];
  /** Puts a mail about a failed attempt into the outbox; returns its number. */
  cause(cause: string, overrides?: { recipient?: string; contractId?: string | null; kind?: string }): Promise<number>;
  row(id: number): Promise<OutboxRow>;
  rows(): Promise<readonly OutboxRow[]>;
  /** Has whatever waits be due now. */
  hurry(): Promise<void>;
  /** Starts sending; it ends with the test. */
  start(overrides?: Partial<NotificationsDeps>, everyMs?: number): Sending;
}

export async function setUpOutbox(): Promise<OutboxBench> {
  const store = await createTestStore();
  onTestFinished(() => store.close());
  const { sql, db } = store;
  await addContract(sql, { payment_method: "card" });
  const server = await startMailServer();
  onTestFinished(() => server.stop());
  const ended: string[] = [];
  const deps: NotificationsDeps = {
    db,
    transport: transportTo(server.url),
    sender: oneOperator,
    clock: systemClock,
    log: silentLog,
    stopping: new AbortController().signal,
    mailEnded: (_, result) => void ended.push(result),
  };
  const select = sql`select *, id::int as id, extract(epoch from next_attempt_at - clock_timestamp())::float8 as due_in`;
  return {
    ...store,
    server,
    deps,
    ended,
    async cause(cause, { recipient = "customer", contractId = "c-1", kind = "payment_failed" } = {}) {
      const [row] = await sql`insert into keiyaku.notifications (cause, kind, recipient, contract_id, detail)
        values (${cause}, ${kind}, ${recipient}, ${contractId}, ${sql.json(claimedMail().detail as never)}) returning id`;
      return Number(row?.id);
    },
    async row(id) {
      const [row] = await sql<OutboxRow[]>`${select} from keiyaku.notifications where id = ${id}`;
      if (row === undefined) throw new Error(`no mail ${id}`);
      return row;
    },
    rows: () => sql<OutboxRow[]>`${select} from keiyaku.notifications n order by n.id`,
    async hurry() {
      await sql`update keiyaku.notifications set next_attempt_at = clock_timestamp() where state = 'waiting'`;
    },
    start(overrides = {}, everyMs = 50) {
      const sending = startSending({ ...deps, ...overrides }, everyMs);
      onTestFinished(() => sending.stop());
      return sending;
    },
  };
}

/** The installation of the tests, with one operator. */
const oneOperator = { ...sender, operators: sender.operators.slice(0, 1) };

export function transportTo(url: string): MailTransport {
  const parsed = parseSmtpUrl(url);
  if (parsed.type === "mistaken") throw new Error(parsed.mistake);
  return createSmtpTransport(parsed.options);
}

/** A way out that the test holds: each mail that comes is answered by hand. */
export function heldTransport() {
  const mails: { readonly mail: Mail; readonly answer: (delivery: Delivery) => void }[] = [];
  const transport: MailTransport = {
    send: (mail) => new Promise((answer) => mails.push({ mail, answer })),
  };
  return { transport, mails };
}

/** The system's clock, on which time can be let pass. */
export function aheadClock(): Clock & { pass(ms: number): void } {
  let aheadMs = 0;
  return {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() + aheadMs,
    pass(ms) {
      aheadMs += ms;
    },
  };
}
