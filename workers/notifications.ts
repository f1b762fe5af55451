import type { Logger } from "pino";
import type { Clock } from "../src/clock.ts";
import { type Delivery, type MailTransport, sentWithinMs } from "../src/mail/mail.ts";
import { prepareMail, type Sender } from "../src/mail/prepare-mail.ts";
import { type ClaimedNotification, claimNotifications } from "../src/store/claim-notifications.ts";
import type { Database } from "../src/store/database.ts";
import { giveUpOnClaims, type Noted, noteDelivery } from "../src/store/note-delivery.ts";
import { StoreError } from "../src/store/store-error.ts";
import { tellOperatorsApart } from "../src/store/tell-operators-apart.ts";

/** What sending mail needs from outside. */
export interface NotificationsDeps {
  readonly db: Database;
  readonly transport: MailTransport;
  readonly sender: Sender;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborted when the process is to stop: no further mail is taken. */
  readonly stopping: AbortSignal;
  /** Told what became of each mail that was taken. */
  readonly mailEnded?: (kind: string, result: Delivery["type"]) => void;
}

/** A few conversations with the mail server at once: none waits for a slow one, and the server is not flooded. */
export const mailsAtOnce = 4;

/**
 * After this a claim is given up: whoever made it would have ended its conversation, {@link sentWithinMs}, and had two minutes
 * more to write down how.
 */
export const claimLeaseMs = sentWithinMs + 120_000;

/** Claims are sent at once. A process that stood still since it made one does not begin a conversation that it cannot end in time. */
const claimFreshMs = 60_000;

/** The first wait after the mail server has turned a mail away, doubled each time up to the last. */
const firstDelayMs = 30_000;
const lastDelayMs = 3_600_000;

/** What a round of sending came to. */
export interface Round {
  readonly taken: number;
  /** Whether no mail of it came through, and no other would have. */
  readonly isServerAway: boolean;
}

/**
 * Takes a few mails that are due, sends them, and notes of each what became of it. Several processes may do so at once: each
 * mail is taken by one.
 */
export async function sendRound(deps: NotificationsDeps): Promise<Round> {
  const ageMs = stopwatch(deps.clock);
  const addresses = deps.sender.operators.map(({ address }) => address);
  await tellOperatorsApart(deps.db, addresses);
  const claimed = await claimNotifications(deps.db, mailsAtOnce, { apart: new Set(addresses).size > 1 });
  const ended = await Promise.all(claimed.map((each) => sendClaimed(deps, each, ageMs)));
  return {
    taken: claimed.length,
    isServerAway: ended.length > 0 && ended.every((delivery) => delivery.type === "later" && delivery.isCommon),
  };
}

/** How long ago it was begun, by the clock that runs on: the monotonic one may stand still while a machine is suspended. */
function stopwatch(clock: Clock): () => number {
  const [monotonicMs, nowMs] = [clock.monotonicMs(), clock.nowMs()];
  return () => Math.max(clock.monotonicMs() - monotonicMs, clock.nowMs() - nowMs);
}

async function sendClaimed(
  deps: NotificationsDeps,
  claimed: ClaimedNotification,
  ageMs: () => number,
): Promise<Delivery> {
  const { id, kind, recipient, contractId } = claimed;
  const delivery = await deliver(deps, claimed, ageMs);
  const noted = await noteWithin(deps, claimed, ageMs, notedOf(delivery, claimed.tries));
  deps.mailEnded?.(kind, delivery.type);
  const facts = { notification: id, kind, recipient, contractId, ...(noted ? {} : { noted }) };
  if (delivery.type === "sent") deps.log.info(facts, "a mail was sent");
  else deps.log.warn({ ...facts, result: delivery.type, problem: delivery.problem }, sentences[delivery.type]);
  return delivery;
}

const sentences: Record<Exclude<Delivery["type"], "sent">, string> = {
  later: "a mail was not sent, and will be tried again",
  refused: "a mail was refused for good",
  unknown: "nobody knows whether a mail was sent",
};

async function deliver(
  { transport, sender, log }: NotificationsDeps,
  claimed: ClaimedNotification,
  ageMs: () => number,
): Promise<Delivery> {
  try {
    const mail = prepareMail(claimed, sender);
    if (typeof mail === "string") return { type: "refused", problem: mail };
    if (ageMs() > claimFreshMs) {
      return { type: "later", problem: "process_paused", isCommon: false };
    }
    return await transport.send(mail);
  } catch (error) {
    // A transport tells every failure of its own as a delivery: what is thrown was thrown while the mail was being made.
    log.error({ err: error, notification: claimed.id, kind: claimed.kind }, "a mail could not be made");
    return { type: "refused", problem: "unexpected_error" };
  }
}

function notedOf(delivery: Delivery, tries: number): Noted {
  switch (delivery.type) {
    case "sent":
      return { state: "sent" };
    case "later":
      return { state: "waiting", problem: delivery.problem, delayMs: delayAfter(tries) };
    case "refused":
    case "unknown":
      return { state: delivery.type, problem: delivery.problem };
  }
}

/** 30 s, doubling to an hour, for ever: a mail server that is away delays mail and loses none. */
function delayAfter(tries: number): number {
  return Math.min(firstDelayMs * 2 ** (tries - 1), lastDelayMs);
}

/**
 * Notes what became of a mail, however long the database is away, until the claim is given up by others. Returns whether it
 * was noted; if not, the mail is `unknown`, or was erased with its contract meanwhile.
 */
async function noteWithin(
  { db, clock, log }: NotificationsDeps,
  claim: ClaimedNotification,
  ageMs: () => number,
  noted: Noted,
): Promise<boolean> {
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 2_000)) {
    try {
      return await noteDelivery(db, claim, noted);
    } catch (error) {
      // What the database never takes is as good as not noted. The other mails of the round go on.
      const isHopeless = !(error instanceof StoreError) || error.fault === "refused";
      if (isHopeless) log.error({ err: error, notification: claim.id }, "what became of a mail could not be noted");
      if (isHopeless || ageMs() > claimLeaseMs) return false;
      log.warn({ err: error, notification: claim.id }, "what became of a mail waits for the database");
    }
    await clock.sleep(delayMs);
  }
}

/** Rings that were lost are made up for by a look this often. */
const lookEveryMs = 5_000;

/** How long a mail server that is away is left alone, whoever rings: what waits then keeps its place for when it is back. */
const serverAwayMs = 30_000;

/** Sending, until stopped. */
export interface Sending {
  /** Has it look at once: a mail has come into the outbox. */
  ring(): void;
  /** Takes no further mail, and resolves once those in hand have ended. */
  stop(): Promise<void>;
}

/**
 * Sends whatever is due, at once, at every ring and every few seconds, and gives up on claims that others have left behind.
 *
 * The outbox is the only queue of mail: `docs/decisions/0014-mail-needs-no-queue.md`.
 */
export function startSending(deps: NotificationsDeps, everyMs = lookEveryMs): Sending {
  const { clock, log, stopping } = deps;
  let atWork: Promise<void> | undefined;
  let isRung = false;
  let stopped = false;
  let timer: NodeJS.Timeout;
  let awayUntilMs = Number.NEGATIVE_INFINITY;

  async function sendAll(): Promise<void> {
    for (const { id, kind } of await giveUpOnClaims(deps.db, claimLeaseMs)) {
      deps.mailEnded?.(kind, "unknown");
      log.warn({ notification: id, kind, problem: "sender_lost" }, sentences.unknown);
    }
    for (;;) {
      if (stopped || stopping.aborted || clock.monotonicMs() < awayUntilMs) return;
      const { taken, isServerAway } = await sendRound(deps);
      if (isServerAway) awayUntilMs = clock.monotonicMs() + serverAwayMs;
      // After few there may be more: the next of the same contract has waited for them.
      if (taken === 0) return;
    }
  }
  function look(): void {
    if (stopped) return;
    if (atWork !== undefined) {
      isRung = true;
      return;
    }
    clearTimeout(timer);
    isRung = false;
    atWork = sendAll()
      .catch((error: unknown) => log.warn({ err: error }, "the outbox could not be looked at"))
      .then(() => {
        atWork = undefined;
        // What was rung for meanwhile may have come after the last look.
        if (!stopped) timer = setTimeout(look, isRung ? 0 : everyMs * (0.95 + 0.1 * Math.random()));
      });
  }
  timer = setTimeout(look, 0);
  return {
    ring: look,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await atWork;
    },
  };
}
