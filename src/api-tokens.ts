import { Secret } from "./secret.ts";

/** Whom a token can speak for. Customers have none: a service speaks for them. */
export const tokenActorTypes = ["operator", "service"] as const;

/** Who speaks when a request carries this token. */
export interface TokenActor {
  readonly type: (typeof tokenActorTypes)[number];
  readonly id: string;
}

/** A bearer token of the HTTP API and its actor. */
export interface ApiToken {
  readonly actor: TokenActor;
  readonly token: Secret;
}

export interface ParsedApiTokens {
  readonly tokens: readonly ApiToken[];
  /** What is wrong, each going on after the setting's name. Never quotes a token, or what may be one. */
  readonly mistakes: readonly string[];
}

/** 32 characters of base64 hold 192 bits, of hexadecimal 128: more than anybody guesses over a network. */
const tokenLengthMin = 32;

/** The characters that a bearer token may have (RFC 6750, 2.1). */
const tokenPattern = /^[A-Za-z0-9._~+/-]+=*$/;

/**
 * Reads the entries `type:id=token`, apart by blanks, line ends or commas. Two tokens of one actor are both good, so that
 * a token can be replaced without a gap; one token of two actors is a contradiction.
 */
export function parseApiTokens(text: string): ParsedApiTokens {
  const tokens: ApiToken[] = [];
  const mistakes: string[] = [];
  const firstWith = new Map<string, number>();
  const entries = text.split(/[\s,]+/).filter((entry) => entry !== "");
  if (entries.length === 0) mistakes.push("has no entry: write type:id=token, as in operator:alice=…, or remove it.");
  for (const [index, entry] of entries.entries()) {
    const number = index + 1;
    const read = readEntry(entry);
    if (typeof read === "string") {
      mistakes.push(`entry ${number} ${read}`);
      continue;
    }
    const token = read.token.reveal();
    const first = firstWith.get(token);
    if (first === undefined) {
      firstWith.set(token, number);
      tokens.push(read);
    } else {
      mistakes.push(`entries ${first} and ${number} have the same token: give each entry one of its own.`);
    }
  }
  return { tokens, mistakes };
}

/** One entry, or what is wrong with it. */
function readEntry(entry: string): ApiToken | string {
  const { type, id, token } = /^(?<type>[^:=]*):(?<id>[^=]*)=(?<token>.*)$/.exec(entry)?.groups ?? {};
  if (type === undefined || id === undefined || token === undefined) {
    return "must be type:id=token, as in operator:alice=….";
  }
  const actorType = tokenActorTypes.find((known) => known === type);
  if (actorType === undefined) return `must begin with ${tokenActorTypes.join(": or ")}:, whom a token can speak for.`;
  if (id.length < 1 || id.length > 128) return "must name its actor with 1 to 128 characters after the colon.";
  if (token.length < tokenLengthMin) return `has a token that is too short: use at least ${tokenLengthMin} characters.`;
  if (!tokenPattern.test(token))
    return "has a token with a character that no token has: use letters, digits and -._~+/.";
  return { actor: { type: actorType, id }, token: new Secret(token) };
}
