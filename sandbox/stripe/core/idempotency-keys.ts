import { createHash } from "node:crypto";

/** Stripe refuses a longer key. */
export const KEY_LENGTH_MAX = 255;

/** Stripe forgets a key after 24 hours at the earliest; the stand-in forgets it as early as that, the harder case. */
export const KEY_KEPT_FOR_MS = 24 * 60 * 60 * 1000;

/** The first answer to a key, as it will be sent again. */
export interface StoredResult {
  readonly key: string;
  /** Of method, path and parameters. */
  readonly fingerprint: string;
  /** The request that was executed, which replays name. */
  readonly requestId: string;
  /** Milliseconds on the stand-in's clock. */
  readonly storedAt: number;
  readonly status: number;
  readonly body: string;
}

export type KeyStanding =
  | { readonly type: "unknown" }
  | { readonly type: "running" }
  | { readonly type: "used_otherwise" }
  | { readonly type: "stored"; readonly result: StoredResult };

/**
 * What is known of each idempotency key.
 *
 * A key is `unknown` → `running` (a request with it is being executed; kept in memory only, a restart ends it) →
 * `stored` (its first answer is replayed) → `unknown` again once it is pruned, and then the same key is a new request.
 */
export class IdempotencyKeys {
  readonly #stored = new Map<string, StoredResult>();
  readonly #running = new Set<string>();

  standing(key: string, fingerprint: string, nowMs: number): KeyStanding {
    if (this.#running.has(key)) return { type: "running" };
    const result = this.#stored.get(key);
    if (result === undefined || nowMs - result.storedAt >= KEY_KEPT_FOR_MS) return { type: "unknown" };
    return result.fingerprint === fingerprint ? { type: "stored", result } : { type: "used_otherwise" };
  }

  begin(key: string): void {
    this.#running.add(key);
  }

  end(key: string): void {
    this.#running.delete(key);
  }

  store(result: StoredResult): void {
    this.#stored.set(result.key, result);
  }

  /** Forgets all stored results, as Stripe may after 24 hours; running requests go on. Returns how many. */
  prune(): number {
    const count = this.#stored.size;
    this.#stored.clear();
    return count;
  }
}

/** Tells apart requests that share a key: the same method, path and parameters give the same fingerprint. */
export function fingerprintOf(method: string, path: string, pairs: readonly (readonly [string, string])[]): string {
  const sorted = pairs.map(([name, value]) => JSON.stringify([name, value])).toSorted();
  return createHash("sha256")
    .update(`${method} ${path}\n${sorted.join("\n")}`)
    .digest("base64");
}
