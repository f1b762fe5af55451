import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import { type GatewayVerb, isLook } from "./fault.ts";
import type { GatewayReply, NotNowReason, StripeGateway } from "./gateway.ts";
import { verbWords, wrapGateway } from "./watched-gateway.ts";

/** Why nothing is sent to Stripe at all for the time being. */
export const stopReasons = ["unreachable", "unauthorized", "forbidden"] as const satisfies readonly NotNowReason[];
export type StopReason = (typeof stopReasons)[number];

export interface BreakerOptions {
  /** A small request that anybody's key may make, with a short patience and no repetition. */
  readonly probe: () => Promise<GatewayReply<unknown>>;
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Pick<Logger, "error" | "info">;
  /** Hears each time that Stripe's work stops, and goes on: null. */
  readonly onChange?: (stopped: StopReason | null) => void;
  /** Aborted when the process is to stop. */
  readonly stopping: AbortSignal;
}

/** How long until Stripe is asked again: an outage may end at any moment; a key is mended by a person. */
const probeAgainMs = { unreachable: 5_000, unauthorized: 30_000, forbidden: 30_000 } as const;

/**
 * Tells "Stripe is down" from "this request fails". A request without an answer, or one that Stripe turned away because of
 * our key, raises a suspicion; a probe decides. As long as it has no answer either, or is turned away as well, nothing is
 * sent: operations are put off at no cost, instead of running into their time-outs one by one. It is asked again until
 * Stripe answers, and everything goes on by itself.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  #stopped: StopReason | null = null;
  readonly #forbidden = new Set<GatewayVerb>();
  #probing: Promise<StopReason | null> | undefined;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  /** Why nothing is sent now; null while all is well. */
  get stopped(): StopReason | null {
    return this.#stopped;
  }

  /** Asks Stripe how it is, once for all who suspect something at the same time; null if it answers. */
  suspect(): Promise<StopReason | null> {
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
    });
    return this.#probing;
  }

  /** Tells, once for each verb, that our key may not do this, though it may do other things; and that it may again. */
  note(verb: GatewayVerb, reply: GatewayReply<unknown>): void {
    const { log } = this.#options;
    if (reply.type === "not_now" && isAboutKey(reply.reason)) {
      if (this.#forbidden.has(verb)) return;
      this.#forbidden.add(verb);
      const { reason, requestId } = reply;
      log.error(
        { verb: verbWords[verb], reason, requestId },
        "Stripe does not let our key do this: what needs it waits",
      );
    } else if (reply.type !== "not_now" && reply.type !== "unknown" && this.#forbidden.delete(verb)) {
      log.info({ verb: verbWords[verb] }, "Stripe lets our key do this again: what needs it goes on");
    }
  }

  async #probe(): Promise<StopReason | null> {
    const stopped = stopReasonOf(await this.#options.probe());
    if (stopped !== this.#stopped) this.#change(stopped);
    return stopped;
  }

  #change(stopped: StopReason | null): void {
    const { log, onChange } = this.#options;
    const wasWell = this.#stopped === null;
    this.#stopped = stopped;
    onChange?.(stopped);
    if (stopped === null) log.info("Stripe answers again: its work goes on");
    else log.error({ reason: stopped }, "Stripe does not answer, or refuses our key: its work stops until it answers");
    if (stopped !== null && wasWell) void this.#askUntilWell();
  }

  async #askUntilWell(): Promise<void> {
    const { clock, stopping } = this.#options;
    while (this.#stopped !== null && !stopping.aborted) {
      try {
        await clock.sleep(probeAgainMs[this.#stopped], stopping);
      } catch {
        return;
      }
      await this.suspect();
    }
  }
}

/** What a reply says about Stripe as a whole; null when it was given by a Stripe that works, whatever it says. */
function stopReasonOf(reply: GatewayReply<unknown>): StopReason | null {
  // A conflict tells of another request under the same key, and was told by Stripe.
  if (reply.type === "unknown") return reply.reason === "conflict" ? null : "unreachable";
  if (reply.type !== "not_now") return null;
  return stopReasons.find((reason) => reason === reply.reason) ?? null;
}

function isAboutKey(reason: NotNowReason): boolean {
  return reason === "unauthorized" || reason === "forbidden";
}

/**
 * The gateway behind a breaker. While that has stopped Stripe's work, every request is answered `not_now` and not sent. A
 * look without an answer is `not_now` too if Stripe is down, and stays `unknown` if it is this look that fails; a call
 * without an answer is `unknown` in either case, since it may have taken effect.
 */
export function breakGateway(gateway: StripeGateway, breaker: Breaker): StripeGateway {
  return wrapGateway(gateway, async (verb, request) => {
    const { stopped } = breaker;
    if (stopped !== null) return { type: "not_now", reason: stopped, requestId: null };
    const reply = await request();
    const found = stopReasonOf(reply) === null ? null : await breaker.suspect();
    if (found === null) breaker.note(verb, reply);
    const isTold = found !== null && reply.type === "unknown" && isLook(verb);
    return isTold ? { type: "not_now", reason: found, requestId: reply.requestId } : reply;
  });
}
