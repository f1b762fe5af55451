import type { RestJudge } from "./evidence.ts";

/** A limiter of ours gives out a second's requests by its own clock; Stripe's second begins elsewhere. */
const slack = 1.25;

export const withinLimits: RestJudge = {
  id: "I17",
  claim: "No more requests reach Stripe within a second than it allows, in all and of one endpoint.",
  judge({ requests, rest }) {
    const violations: string[] = [];
    const check = (name: string, times: readonly number[], limit: number) => {
      let first = 0;
      for (const [index, at] of times.entries()) {
        while (at - (times[first] ?? at) >= 1_000) first += 1;
        const count = index - first + 1;
        if (count > limit * slack) {
          violations.push(`${count} requests to ${name} within a second`);
          return;
        }
      }
    };
    const ordered = requests.toSorted((a, b) => a.at - b.at);
    check(
      "Stripe",
      ordered.map(({ at }) => at),
      rest.limits.perSecond,
    );
    const endpoints = new Map<string, number[]>();
    for (const { method, path, at } of ordered) {
      const endpoint = `${method} ${(path.split("?", 1)[0] ?? "").replaceAll(/\/(sub|in|pi|ch|re|cus|il|du)_[^/]+/g, "/*")}`;
      endpoints.set(endpoint, [...(endpoints.get(endpoint) ?? []), at]);
    }
    for (const [endpoint, times] of endpoints) check(endpoint, times, rest.limits.perEndpoint);
    return { checked: ordered.length, violations };
  },
};
