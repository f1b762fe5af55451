import { timingSafeEqual } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { ApiToken } from "../../../src/api-tokens.ts";
import { createAuthenticate } from "../../../src/http/authenticate.ts";
import { Secret } from "../../../src/secret.ts";

const alice = { type: "operator", id: "alice" } as const;
const shop = { type: "service", id: "shop" } as const;
const tokens: readonly ApiToken[] = [
  { actor: alice, token: new Secret("a".repeat(32)) },
  { actor: shop, token: new Secret("b".repeat(32)) },
];

describe("whose a token is", () => {
  const authenticate = createAuthenticate(tokens);

  it.each([
    ["the first", `Bearer ${"a".repeat(32)}`, alice],
    ["the last", `Bearer ${"b".repeat(32)}`, shop],
    ["one whose scheme is written small", `bearer ${"b".repeat(32)}`, shop],
  ])("is told for %s", (_, header, actor) => {
    expect(authenticate(header)).toEqual(actor);
  });

  it.each([
    ["no header", undefined, "The request carries no bearer token."],
    ["another scheme", `Basic ${"a".repeat(32)}`, "The request carries no bearer token."],
    ["a token without its scheme", "a".repeat(32), "The request carries no bearer token."],
    ["an unknown token", `Bearer ${"c".repeat(32)}`, "The bearer token is not known."],
    ["the beginning of a token", `Bearer ${"a".repeat(31)}`, "The bearer token is not known."],
    ["a token and more", `Bearer ${"a".repeat(33)}`, "The bearer token is not known."],
    ["two tokens", `Bearer ${"a".repeat(32)} ${"b".repeat(32)}`, "The request carries no bearer token."],
  ])("is nobody's: %s", (_, header, detail) => {
    expect(() => authenticate(header)).toThrow(expect.objectContaining({ code: "unauthorized", message: detail }));
  });

  it.each(["a", "b", "c"])("is found out by comparing hashes of equal length with every entry: %s", (letter) => {
    const compared: (readonly [number, number])[] = [];
    const watched = createAuthenticate(tokens, (known, sent) => {
      compared.push([known.byteLength, sent.byteLength]);
      return timingSafeEqual(known, sent);
    });

    try {
      watched(`Bearer ${letter.repeat(32)}`);
    } catch {
      // Whether it is known is not the question here.
    }

    expect(compared).toEqual([
      [32, 32],
      [32, 32],
    ]);
  });

  it("is nobody's where there are no tokens", () => {
    expect(() => createAuthenticate([])(`Bearer ${"a".repeat(32)}`)).toThrow("not known");
  });
});
