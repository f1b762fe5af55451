/**
 * How many counted attempts an operation has. Ten of them, backed off as below, span about half an hour of trying: long
 * enough for a deployment to be rolled back, short enough that a person hears of it the same hour.
 */
export const attemptsCountedMax = 10;

/** The first wait after a counted failure: longer than a restart of a connection, shorter than anyone's patience. */
const retryDelayMsMin = 2_000;

/** The longest wait: a fault that has lasted this long is an outage, and trying more often does not end it. */
const retryDelayMsMax = 15 * 60_000;

/** How long before the n-th counted attempt is followed by another: doubling from 2 s to 15 min, less up to a quarter. */
export function retryDelayMs(attemptsCounted: number, random: () => number = Math.random): number {
  const delay = Math.min(retryDelayMsMin * 2 ** Math.max(attemptsCounted - 1, 0), retryDelayMsMax);
  return Math.round(delay * (1 - 0.25 * random()));
}

/** How long a put-back operation waits for each of these causes. Jittered by the caller's {@link jittered}. */
export const deferralDelayMs = {
  /** Stripe's limiter looks at one second; a few of them let the others pass. */
  rate_limited: 2_000,
  /** Another request holds the object for the length of one call. */
  lock_timeout: 2_000,
  /** A wrong or blocked key is mended by a person: looking twice a minute finds out soon enough. */
  unauthorized: 30_000,
  forbidden: 30_000,
  /** No route to Stripe: an outage of the network or of Stripe. */
  stripe_unreachable: 5_000,
  /** A request whose reply was lost is over within Stripe's own time-outs; then it can be looked up. */
  result_unknown: 3_000,
  /** A key whose trust is running out waits until it is surely forgotten: see `make-call.ts`. */
  key_expiring: 60_000,
  /** This process stood still; what it knew may be old, and nothing else is wrong. */
  process_paused: 0,
  shutting_down: 0,
} as const;

/** The delay with up to a quarter added, so that operations put back together do not come back together. */
export function jittered(delayMs: number, random: () => number = Math.random): number {
  return Math.round(delayMs * (1 + 0.25 * random()));
}
