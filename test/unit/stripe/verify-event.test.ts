import { describe, expect, it } from "vitest";
import { Secret } from "../../../src/secret.ts";
import { verifyEvent } from "../../../src/stripe/verify-event.ts";
import {
  bodyOf,
  eventOf,
  expectedEvents,
  invoice,
  otherWebhookSecret,
  signedAt,
  webhookSecret,
} from "../../support/stripe-events.ts";

const nowMs = 1_790_000_100_000;
const paid = eventOf("invoice.paid", invoice());
const body = bodyOf(paid);
const second = 1_000;

function verify(sent: { body?: string | Uint8Array; signature?: string | null }, overrides = {}, atMs = nowMs) {
  return verifyEvent({ body, signature: signedAt(body, nowMs), ...sent }, expectedEvents(overrides), atMs);
}

describe("a delivery", () => {
  it("is an event when one of the secrets has signed its body, as text or as bytes", () => {
    expect(verify({})).toMatchObject({ type: "event", event: { id: paid.id } });
    expect(verify({ body: Buffer.from(body) })).toEqual(verify({}));
  });

  it("is good by the old secret and by the new one, while both are set", () => {
    const secrets = [new Secret(otherWebhookSecret), new Secret(webhookSecret)];
    const signatures = [signedAt(body, nowMs, webhookSecret), signedAt(body, nowMs, otherWebhookSecret)];

    for (const signature of signatures) expect(verify({ signature }, { secrets })).toMatchObject({ type: "event" });
    // While Stripe rolls one, it signs with both.
    const both = signedAt(body, nowMs, otherWebhookSecret, webhookSecret);
    expect(verify({ signature: both })).toMatchObject({ type: "event" });
  });

  const bom = `\uFEFF${body}`;
  const good = signedAt(body, nowMs);
  it.each<[string, Parameters<typeof verify>[0]]>([
    ["signed by somebody else", { signature: signedAt(body, nowMs, otherWebhookSecret) }],
    ["parsed and written anew", { body: JSON.stringify(JSON.parse(body)) }],
    ["changed", { body: body.replace("in_1", "in_2") }],
    ["begun by a mark that is not signed", { body: Buffer.from(bom) }],
    ["not text", { body: Buffer.from([0xff, 0xfe]) }],
    ["empty", { body: "", signature: signedAt("", nowMs) }],
    ["without a signature", { signature: null }],
    ["of an empty signature", { signature: "" }],
    ["of a signature without a moment", { signature: good.replace(/^t=\d+,/, "") }],
    ["of a moment alone", { signature: good.split(",")[0] ?? "" }],
    ["of a moment that is no number", { signature: good.replace(/^t=(\d+)/, "t=$1x") }],
    ["of the scheme of tests", { signature: good.replace("v1=", "v0=") }],
    ["of two moments, of which one is fresh", { signature: `t=1,${good}` }],
    ["of two moments, the other way round", { signature: `${good},t=${nowMs / second}` }],
  ])("that is %s has no signature of ours", (_, sent) => {
    expect(verify(sent)).toMatchObject({ type: "refused", reason: "signature_invalid", field: "signature" });
  });

  it("is verified by nobody without secrets", () => {
    expect(verify({}, { secrets: [] })).toMatchObject({ reason: "signature_invalid" });
  });

  it.each([
    [-300, "event"],
    [-301, "signature_ahead"],
    [300, "event"],
    [301, "signature_expired"],
    [Number.NaN, "signature_expired"],
  ])("of which the moment is %d s ago is answered %s", (agoS, answer) => {
    const verified = verify({}, {}, nowMs + agoS * second);

    expect(verified.type === "event" ? "event" : verified.reason).toBe(answer);
  });

  it("recorded long ago cannot be made fresh by another moment beside its own", () => {
    const old = signedAt(body, nowMs - 3_600 * second);

    for (const signature of [old, `t=${nowMs / second},${old}`, `${old},t=${nowMs / second}`]) {
      expect(verify({ signature }).type).toBe("refused");
    }
  });

  it.each([
    ["no event", { ...paid, object: "invoice" }, "event_invalid", "object"],
    [
      "one that is nested too deep",
      { ...paid, deep: JSON.parse("[".repeat(101) + "]".repeat(101)) },
      "event_invalid",
      "event",
    ],
    ["a thin event", { ...paid, object: "v2.core.event" }, "event_invalid", "object"],
    ["an event of live mode", { ...paid, livemode: true }, "wrong_mode", "livemode"],
    ["an event of a connected account", { ...paid, account: "acct_1" }, "wrong_account", "account"],
  ])("well signed that is %s is refused by its field, without a word of it", (_, sent, reason, field) => {
    const text = bodyOf(sent);
    const answer = verify({ body: text, signature: signedAt(text, nowMs) });

    expect(answer).toMatchObject({ type: "refused", reason, field });
    expect(JSON.stringify(answer)).not.toMatch(/acct_1|hanako|in_1|evt_/);
  });

  it("is of live mode where the key is", () => {
    const live = bodyOf({ ...paid, livemode: true });
    const signature = signedAt(live, nowMs);

    expect(verify({ body: live, signature }, { livemode: true })).toMatchObject({ type: "event" });
    expect(verify({}, { livemode: true })).toMatchObject({ reason: "wrong_mode" });
  });

  it("is of the connected account where one is set, and of no other", () => {
    const connected = bodyOf({ ...paid, account: "acct_1" });
    const signature = signedAt(connected, nowMs);

    expect(verify({ body: connected, signature }, { account: "acct_1" })).toMatchObject({ type: "event" });
    expect(verify({ body: connected, signature }, { account: "acct_2" })).toMatchObject({ reason: "wrong_account" });
    expect(verify({}, { account: "acct_1" })).toMatchObject({ reason: "wrong_account" });
  });
});
