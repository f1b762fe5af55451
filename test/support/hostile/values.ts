import fc from "fast-check";
import { type JsonTree, type Mutation, mutate, treeOf, writeTree } from "./json-tree.ts";

/** Texts that somebody may send in the place of an id, a name, a date or an amount. */
export const oddTexts = [
  "",
  " ",
  "0",
  "-0",
  "007",
  "1e400",
  "NaN",
  "null",
  "true",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "..",
  "../../etc/passwd",
  "c/1",
  "c:1",
  "a\nb",
  "a\r\nb: c",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "b\udc00",
  "\u202Eabc",
  "\u001b[2J",
  "\u2028",
  "\uFEFF",
  // Look-alikes: Cyrillic, full width, Arabic-Indic digits, combining marks.
  "с-1",
  "ｃ－１",
  "２０２４-10-08",
  "٢٠٢٤",
  "e\u0301",
  "🧾".repeat(40),
  "'; drop table keiyaku.operations; --",
  "{{7*7}}%s%n",
  "2024-02-30",
  "2023-02-29",
  "0000-01-01",
  "0001-01-01",
  "9999-12-31",
  "-000001-01-01",
  "+010000-01-01",
  "2024-10-08[u-ca=japanese]",
  "0000-01",
  "9999-12",
  "2024-13",
  "0000-01-01T00:00:00Z",
  "0001-01-01T00:00:00+14:00",
  "9999-12-31T23:59:59Z",
  "+275760-09-13T00:00:00Z",
  "2024-06-30T23:59:60Z",
  "2024-10-08T10:00:00+99:99",
  "2024-10-08T10:00:00.123456789123Z",
  "infinity",
  "now",
] as const;

/** Numbers as JSON may write them. */
const oddNumbers = [
  "0",
  "-0",
  "-1",
  "1.5",
  "1e400",
  "-1e400",
  "1e-400",
  "1e21",
  "2147483648",
  "9007199254740993",
  "999999999999",
  "1000000000000",
  "99999999999999999999",
  `1${"0".repeat(400)}`,
] as const;

const oddJson = [
  "null",
  "true",
  "false",
  "[]",
  "{}",
  "[[]]",
  "[null]",
  '{"":""}',
  '{"__proto__":{"isAdmin":true}}',
  '{"constructor":{"prototype":{"isAdmin":true}}}',
  '{"toJSON":1}',
  '{"a":1,"a":2}',
  '{"\\u0000":1}',
  '{"\\ud800":1}',
] as const;

const nesting = fc
  .record({
    levels: fc.oneof(fc.integer({ min: 1, max: 120 }), fc.integer({ min: 1, max: 9_000 })),
    list: fc.boolean(),
  })
  .map(({ levels, list }) =>
    list ? "[".repeat(levels) + "]".repeat(levels) : `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`,
  );

const longText = fc
  .record({
    unit: fc.constantFrom("x", "é", "🧾", '\\"', "\u0001"),
    times: fc.constantFrom(65, 129, 201, 256, 2_001, 40_000, 70_000),
  })
  .map(({ unit, times }) => JSON.stringify(unit.repeat(times)));

/** A value as JSON writes it, mostly of a kind that somebody forgets to think of. */
export const hostileJson: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...oddTexts).map((text) => JSON.stringify(text)) },
  { weight: 3, arbitrary: fc.constantFrom(...oddNumbers) },
  { weight: 3, arbitrary: fc.constantFrom(...oddJson) },
  { weight: 1, arbitrary: nesting },
  { weight: 1, arbitrary: longText },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 80 }).map((text) => JSON.stringify(text)) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.bigInt().map(String) },
);

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 1_000 }).map((pick): Mutation => ({ type: "alike", pick })) },
  { weight: 5, arbitrary: hostileJson.map((text): Mutation => ({ type: "replace", text })) },
  { weight: 1, arbitrary: fc.constant<Mutation>({ type: "remove" }) },
  {
    weight: 1,
    arbitrary: fc
      .record({ text: hostileJson, first: fc.boolean() })
      .map((rest): Mutation => ({ type: "repeat", ...rest })),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ key: fc.constantFrom(...oddTexts, "x".repeat(3_000)), text: hostileJson })
      .map((rest): Mutation => ({ type: "add", ...rest })),
  },
);

/** The text of one of these values, changed at one to three places. It is JSON, if of a kind that not every parser reads alike. */
export function mutated(...valid: readonly unknown[]): fc.Arbitrary<string> {
  const trees = valid.map(treeOf);
  const changes = fc.array(fc.tuple(fc.nat({ max: 1_000 }), mutation), { minLength: 1, maxLength: 3 });
  return fc
    .tuple(fc.constantFrom(...trees), changes)
    .map(([tree, each]) =>
      writeTree(each.reduce<JsonTree>((changed, [place, how]) => mutate(changed, place, how), tree)),
    );
}

/** The bytes of a text, some of them lost, doubled or changed; or bytes that were never a text. */
export function damaged(text: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  const damage = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    gone: fc.nat({ max: 40 }),
    bytes: fc.uint8Array({ maxLength: 12 }),
  });
  return fc.oneof(
    {
      weight: 3,
      arbitrary: fc
        .tuple(text, damage)
        .map(([whole, { at, gone, bytes }]) => splice(Buffer.from(whole), at, gone, bytes)),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
  );
}

function splice(whole: Buffer, at: number, gone: number, bytes: Uint8Array): Buffer {
  const from = Math.floor(at * whole.length);
  return Buffer.concat([whole.subarray(0, from), bytes, whole.subarray(from + gone)]);
}

/** The value that a parser reads from the text; the text itself where it reads none. */
export function readAsJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
