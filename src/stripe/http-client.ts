import { type Agent, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { text } from "node:stream/consumers";
import { Stripe } from "stripe";

/** Under what conditions a request may leave, and until when its answer is waited for. */
export interface Leave {
  /** Asked when the connection stands, right before anything is written to it. */
  readonly mayBeSent: () => boolean;
  /** Aborted when the answer comes too late. */
  readonly over: AbortSignal;
}

/** What the network error of a request is called that was not sent because it may not be any more. */
export const tooLateCode = "TOO_LATE_TO_SEND";

class TooLateError extends Error {
  readonly code = tooLateCode;

  constructor() {
    super("too much time has passed since it was decided; nothing was sent");
    this.name = "TooLateError";
  }
}

/**
 * The innermost HTTP client, through which every single sending goes, the SDK's own repetitions included.
 *
 * The SDK's writes to a connection before that stands, and its time-out is one of silence, so that an answer of which now
 * and then a byte comes may take for ever. This one waits for the connection, asks whether the request may leave still, and
 * writes it in the same breath. Once the answer is too late, or there was silence for too long, it destroys the connection.
 */
export function createHttpClient(agent: Agent, leaveOf: () => Leave): Stripe.HttpClient {
  return {
    getClientName: () => "node",
    makeRequest: (host, port, path, method, headers, body, protocol, silentMsMax) => {
      const { mayBeSent, over } = leaveOf();
      const isPlain = protocol === "http";
      return new Promise((resolve, reject) => {
        // The SDK's type of headers knows no more than Node's does.
        const options = { host, port, path, method, agent, headers: headers as Record<string, string> };
        const request = isPlain ? requestHttp(options) : requestHttps(options);
        let failure: Error | undefined;
        const end = (error: Error) => {
          failure ??= error;
          reject(failure);
          request.destroy(failure);
        };
        const giveUp = () => end(Stripe.HttpClient.makeTimeoutError());
        const write = () => (mayBeSent() ? request.end(body) : end(new TooLateError()));
        request.on("error", end);
        request.on("close", () => over.removeEventListener("abort", giveUp));
        request.setTimeout(silentMsMax, giveUp);
        request.on("socket", (socket) => {
          if (socket.connecting) socket.once(isPlain ? "connect" : "secureConnect", write);
          else write();
        });
        request.on("response", (response) => resolve(answerOf(response, () => failure)));
        over.addEventListener("abort", giveUp);
        if (over.aborted) giveUp();
      });
    },
  };
}

/** The answer as the SDK takes it. Its body is read in any case, so that the connection is free for the next request. */
function answerOf(response: IncomingMessage, failureOf: () => Error | undefined): Stripe.HttpClientResponse {
  const body = text(response).catch((error: unknown) => {
    // By this the SDK tells a body that was cut off from one that was never JSON.
    throw Stripe.HttpClient.makeResponseBodyError(failureOf() ?? error);
  });
  body.catch(() => undefined);
  return {
    getStatusCode: () => response.statusCode ?? 0,
    getHeaders: () => response.headers as Record<string, string>,
    getRawResponse: () => response,
    toStream: () => {
      throw new Error("no answer of Stripe's is streamed here");
    },
    toJSON: async () => objectIn(await body),
  };
}

/** The SDK reads properties of whatever JSON it is given, and would throw a TypeError, as if the mistake were ours, on `null`. */
function objectIn(body: string): unknown {
  const value: unknown = JSON.parse(body);
  if (typeof value === "object" && value !== null) return value;
  throw new SyntaxError("a JSON value that is no object");
}
