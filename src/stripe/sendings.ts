import { AsyncLocalStorage } from "node:async_hooks";
import type { Stripe } from "stripe";
import { tooManyWaitingCode } from "./pace.ts";

/** Network errors that come from looking up the host or opening the connection: nothing of the request was sent. */
export const unsentNetworkCodes = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"] as const;

interface Sendings {
  /** Whether one of them may have been executed although its answer is unknown or unclear. */
  uncertain: boolean;
}

/**
 * Watches the single sendings of which the SDK makes one request.
 *
 * The SDK sends a request again by itself (one with a reset connection even when told never to) and then reports the
 * *last* sending only. A refund whose first sending was executed and lost, and whose second met the rate limiter, would
 * look as if it had never been made. So the answer to the whole is only as certain as its most uncertain sending.
 */
export class SendingWatch {
  readonly #sendings = new AsyncLocalStorage<Sendings>();

  /** The HTTP client, watched. Passes on everything unchanged but a body that is JSON and no object, which is no answer. */
  over(client: Stripe.HttpClient): Stripe.HttpClient {
    return {
      getClientName: () => client.getClientName(),
      makeRequest: async (...request) => {
        const sendings = this.#sendings.getStore();
        try {
          const response = await client.makeRequest(...request);
          if (sendings !== undefined && isUnclear(response.getStatusCode())) sendings.uncertain = true;
          return answeringObjects(response);
        } catch (error) {
          if (sendings !== undefined && mayHaveBeenSent(error)) sendings.uncertain = true;
          throw error;
        }
      },
    };
  }

  /** Makes a request, and tells how it ended together with whether any of its sendings may have been executed unseen. */
  async watch<T>(request: () => Promise<T>): Promise<Watched<T>> {
    const sendings: Sendings = { uncertain: false };
    return this.#sendings.run(sendings, async () => {
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

/** The statuses after which the SDK sends again, and of which nobody knows whether something was done. */
function isUnclear(status: number): boolean {
  return status === 409 || status === 424 || status >= 500;
}

function mayHaveBeenSent(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return ![...unsentNetworkCodes, tooManyWaitingCode].some((unsent) => unsent === code);
}

/** The SDK reads properties of whatever JSON it is given, and would throw a TypeError, as if the mistake were ours, on `null`. */
function answeringObjects(response: Stripe.HttpClientResponse): Stripe.HttpClientResponse {
  const toJSON = async (): Promise<unknown> => {
    const body: unknown = await response.toJSON();
    if (typeof body === "object" && body !== null) return body;
    throw new SyntaxError("a JSON value that is no object");
  };
  return Object.create(response, { toJSON: { value: toJSON } }) as Stripe.HttpClientResponse;
}
