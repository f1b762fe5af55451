import { describe, expect, test } from "vitest";
import { parseApiTokens } from "../../src/api-tokens.ts";

const a = "a".repeat(32);
const b = "b".repeat(40);

function parsed(text: string) {
  const { tokens, mistakes } = parseApiTokens(text);
  return { tokens: tokens.map(({ actor, token }) => [actor, token.reveal()]), mistakes };
}

describe("the API's tokens", () => {
  test.each([
    `operator:alice=${a} service:shop=${b}`,
    `operator:alice=${a},service:shop=${b}`,
    `\n  operator:alice=${a},\n  service:shop=${b}\n`,
  ])("stand apart by blanks, line ends or commas (%#)", (text) => {
    expect(parsed(text)).toEqual({
      tokens: [
        [{ type: "operator", id: "alice" }, a],
        [{ type: "service", id: "shop" }, b],
      ],
      mistakes: [],
    });
  });

  test("may have every character of a bearer token, and an actor's id a colon and letters of any script", () => {
    const token = `AZaz09-._~+/${"x".repeat(20)}==`;

    expect(parsed(`operator:東京:alice=${token}`)).toEqual({
      tokens: [[{ type: "operator", id: "東京:alice" }, token]],
      mistakes: [],
    });
  });

  test("may be two of one actor, so that one can take the other's place", () => {
    expect(parsed(`operator:alice=${a} operator:alice=${b}`).mistakes).toEqual([]);
  });

  test.each([
    ["a token alone", a, /^entry 1 must be type:id=token/],
    ["no type", `:alice=${a}`, /^entry 1 must begin with operator: or service:/],
    ["a customer", `customer:c-1=${a}`, /^entry 1 must begin with operator: or service:/],
    ["the schedule", `schedule:daily=${a}`, /^entry 1 must begin with operator: or service:/],
    ["no id", `operator:=${a}`, /^entry 1 must name its actor/],
    ["an id that is too long", `operator:${"x".repeat(129)}=${a}`, /^entry 1 must name its actor/],
    ["a token that is too short", `operator:alice=${a.slice(1)}`, /^entry 1 .*at least 32/],
    ["a token with another character", `operator:alice=${a}é`, /^entry 1 .*letters, digits/],
    ["the same token twice", `operator:alice=${a} service:shop=${a}`, /^entries 1 and 2 have the same token/],
    ["a mistake in the second entry", `operator:alice=${a} shop`, /^entry 2 must be type:id=token/],
    ["nothing but blanks", " ,\n", /^has no entry/],
  ])("are refused for %s, without being shown", (_, text, sentence) => {
    const { mistakes } = parsed(text);

    expect(mistakes).toEqual([expect.stringMatching(sentence)]);
    expect(mistakes.join()).not.toContain(a.slice(1));
  });
});
