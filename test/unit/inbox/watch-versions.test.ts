import { expect, it } from "vitest";
import { watchVersions } from "../../../src/inbox/watch-versions.ts";
import { stripeApiVersion } from "../../../src/stripe/stripe-gateway.ts";

it("tells each API version that is not ours once, and counts every event", () => {
  const told: object[] = [];
  const counted: string[] = [];
  const log = { warn: (facts: object) => void told.push(facts) } as never;
  const seen = watchVersions(log, "relay", (version) => void counted.push(version));

  for (const apiVersion of [stripeApiVersion, "2024-06-20", "2024-06-20", "unknown"]) seen({ apiVersion });

  expect(told).toEqual([
    { way: "relay", apiVersion: "2024-06-20", expected: stripeApiVersion },
    { way: "relay", apiVersion: "unknown", expected: stripeApiVersion },
  ]);
  expect(counted).toEqual(["ours", "other", "other", "other"]);
});
