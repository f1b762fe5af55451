import { AsyncLocalStorage } from "node:async_hooks";
import type { Stripe } from "stripe";
import { mayHaveTakenEffect } from "./fault.ts";
import type { Leave } from "./http-client.ts";

interface Sendings {
  /** Asked before each of them. */
  readonly mayBeSent: () => boolean;
  /** Whether one of them may have been executed although its answer is unknown or unclear. */
  uncertain: boolean;
}

// One of each for the process: Node hands every one that was ever used on with every promise, and never lets go of it.
const overHere = new AsyncLocalStorage<AbortSignal>();
const sendingsHere = new AsyncLocalStorage<Sendings>();

/**
 * Watches the single sendings of which the SDK makes one request, and of requests those of which a verb is made.
 *
 * The SDK sends a request again by itself (one with a reset connection even when told never to) and then reports the
 * *last* sending only. A refund whose first sending was executed and lost, and whose second met the rate limiter, would
 * look as if it had never been made. So the answer to the whole is only as certain as its most uncertain sending.
 */
export class SendingWatch {
  /** The HTTP client, watched. Passes on everything unchanged. */
  over(client: Stripe.HttpClient): Stripe.HttpClient {
    return {
      getClientName: () => client.getClientName(),
      makeRequest: async (...request) => {
        const sendings = known(sendingsHere.getStore());
        try {
          const response = await client.makeRequest(...request);
          sendings.uncertain ||= mayHaveTakenEffect({ status: response.getStatusCode() });
          return response;
        } catch (error) {
          sendings.uncertain ||= mayHaveTakenEffect({ error });
          throw error;
        }
      },
    };
  }

  /** What the sending that is about to be made has to keep to. */
  leave(): Leave {
    return { mayBeSent: known(sendingsHere.getStore()).mayBeSent, over: known(overHere.getStore()) };
  }

  /** Does work of several requests, of which none is waited for any longer than all of them may take. */
  within<T>(ms: number, work: () => Promise<T>): Promise<T> {
    return overHere.run(AbortSignal.timeout(ms), work);
  }

  /** Makes a request, and tells how it ended together with whether any of its sendings may have been executed unseen. */
  async watch<T>(request: () => Promise<T>, mayBeSent: () => boolean): Promise<Watched<T>> {
    const sendings: Sendings = { mayBeSent, uncertain: false };
    return sendingsHere.run(sendings, async () => {
      try {
        return { type: "answered", value: await request() };
      } catch (error) {
        return { type: "failed", error, uncertain: sendings.uncertain };
      }
    });
  }
}

export type Watched<T> =
  | { readonly type: "answered"; readonly value: T }
  | { readonly type: "failed"; readonly error: unknown; readonly uncertain: boolean };

/** Nothing leaves without its conditions: a request that has lost them on its way through the SDK is a mistake of ours. */
function known<T>(store: T | undefined): T {
  if (store === undefined) throw new Error("a request to Stripe outside of the gateway");
  return store;
}
