import type { InboxBench } from "./set-up-inbox.ts";

/** An event as the stand-in lists it, on the wire. */
export interface ListedEvent {
  readonly id: string;
  readonly type: string;
  readonly created: number;
  readonly data: { readonly object: Readonly<Record<string, unknown>> };
}

/** Everything that the stand-in has made since it was asked the last time, oldest first. */
export function listenToStripe({ stripe }: Pick<InboxBench, "stripe">): () => Promise<readonly ListedEvent[]> {
  let seen: string | undefined;
  return async () => {
    const events: ListedEvent[] = [];
    for (let hasMore = true; hasMore; ) {
      const page = await ask<{ data: ListedEvent[]; has_more: boolean }>(
        stripe,
        `events?limit=100${seen === undefined ? "" : `&ending_before=${seen}`}`,
      );
      events.push(...page.data.toReversed());
      seen = page.data[0]?.id ?? seen;
      hasMore = page.has_more && seen !== undefined;
    }
    return events;
  };
}

async function ask<T>({ url, secretKey }: InboxBench["stripe"], path: string): Promise<T> {
  const answer = await fetch(`${url}/v1/${path}`, { headers: { authorization: `Bearer ${secretKey}` } });
  if (!answer.ok) throw new Error(`the stand-in answered ${answer.status}`);
  return (await answer.json()) as T;
}
