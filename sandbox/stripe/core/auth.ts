import { refusal } from "./errors.ts";

/** A key that the stand-in accepts by default, long enough for Stripe's command line tool. */
export const DEFAULT_SECRET_KEY = "sk_test_keiyaku_stand_in";

/** Secret and restricted keys of test mode. A live key is refused, so that a misconfigured worker is noticed. */
const TEST_KEY = /^(sk|rk)_test_\w+$/;

/**
 * Throws 401 unless the request carries an acceptable key, as a bearer token or as the user of basic authentication.
 *
 * @param acceptedKey the only key to accept; null accepts every key of test mode
 */
export function authenticate(authorization: string | undefined, acceptedKey: string | null): void {
  const key = keyOf(authorization);
  if (key === undefined) throw refusal(401, "You did not provide an API key.");
  const isAccepted = acceptedKey === null ? TEST_KEY.test(key) : key === acceptedKey;
  if (!isAccepted) throw refusal(401, `Invalid API Key provided: ${key.slice(0, 8)}****`);
}

function keyOf(authorization: string | undefined): string | undefined {
  const [scheme, credentials] = authorization?.split(" ") ?? [];
  if (credentials === undefined || credentials === "") return undefined;
  if (scheme?.toLowerCase() === "bearer") return credentials;
  if (scheme?.toLowerCase() === "basic") return Buffer.from(credentials, "base64").toString("utf8").split(":", 1)[0];
  return undefined;
}
