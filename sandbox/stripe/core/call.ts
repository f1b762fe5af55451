import type { Endpoint } from "./endpoint.ts";

/** The only API version whose shapes the stand-in knows. */
export const API_VERSION = "2026-10-28.endive";

/** One request to `/v1`, read completely. */
export interface Call {
  readonly requestId: string;
  readonly method: string;
  /** Without the query string. */
  readonly path: string;
  /** Parameters in form encoding: the query string and, of a POST, the body. */
  readonly parameters: string;
  readonly authorization: string | undefined;
  /** As sent. It counts for POST only; a key on a GET or DELETE is ignored, as Stripe ignores it. */
  readonly idempotencyKey: string | undefined;
  readonly apiVersion: string | undefined;
  /** Undefined for a route that the stand-in does not have. */
  readonly endpoint: Endpoint | undefined;
  /** The object's id in the path, or an empty text. */
  readonly id: string;
}

export interface Reply {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly isReplayed: boolean;
}
