import { expect, test } from "vitest";
import { canonicalJson } from "../../../src/execution/canonical-json.ts";

test("equal values are equal text, whatever order their keys have at any depth", () => {
  const one = { b: [{ y: 1, x: null }], a: { d: "解約", c: 2 } };
  const other = { a: { c: 2, d: "解約" }, b: [{ x: null, y: 1 }] };
  expect(canonicalJson(one)).toBe('{"a":{"c":2,"d":"解約"},"b":[{"x":null,"y":1}]}');
  expect(canonicalJson(other)).toBe(canonicalJson(one));
});

test("lists keep their order, which may matter: calls are made one after the other", () => {
  expect(canonicalJson([2, 1])).not.toBe(canonicalJson([1, 2]));
});

test("keys stand in the order of their code units, in no language's", () => {
  expect(canonicalJson({ ä: 1, z: 2, Z: 3, a: 4 })).toBe('{"Z":3,"a":4,"z":2,"ä":1}');
});
