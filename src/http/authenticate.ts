import { createHash, timingSafeEqual } from "node:crypto";
import type { ApiToken, TokenActor } from "../api-tokens.ts";
import { Problem } from "./problem.ts";

/** Tells whose token an `Authorization` header carries; throws a {@link Problem} when it is nobody's. */
export type Authenticate = (authorization: string | undefined) => TokenActor;

/**
 * Makes the guard of the API. What is sent and what is known are hashed and compared in constant time, and every entry is
 * looked at, so that the time taken tells nothing about a token or about which entry it is.
 */
export function createAuthenticate(
  tokens: readonly ApiToken[],
  equal: typeof timingSafeEqual = timingSafeEqual,
): Authenticate {
  const known = tokens.map(({ actor, token }) => ({ actor, hash: hashOf(token.reveal()) }));
  return (authorization) => {
    const sent = /^Bearer +(?<token>\S+) *$/i.exec(authorization ?? "")?.groups?.token;
    if (sent === undefined) throw unauthorized("The request carries no bearer token.", "");
    const hash = hashOf(sent);
    let found: TokenActor | undefined;
    for (const entry of known) {
      if (equal(entry.hash, hash)) found = entry.actor;
    }
    if (found === undefined) throw unauthorized("The bearer token is not known.", ', error="invalid_token"');
    return found;
  };
}

function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function unauthorized(detail: string, error: string): Problem {
  return new Problem(
    "unauthorized",
    { detail, remedy: "Send a token of the server's API_TOKENS as Authorization: Bearer …." },
    { "www-authenticate": `Bearer realm="keiyaku"${error}` },
  );
}
