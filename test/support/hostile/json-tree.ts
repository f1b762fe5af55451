/**
 * JSON as it is written, not as it is read: an object may say a key twice, and a place may hold a text that a parser reads in a
 * way of its own, such as `1e400` or half of a surrogate pair.
 */
export type JsonTree =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "list"; readonly items: readonly JsonTree[] }
  | { readonly type: "object"; readonly entries: readonly (readonly [key: string, value: JsonTree])[] };

export function treeOf(value: unknown): JsonTree {
  if (Array.isArray(value)) return { type: "list", items: value.map(treeOf) };
  if (typeof value !== "object" || value === null) return { type: "text", text: JSON.stringify(value) ?? "null" };
  return { type: "object", entries: Object.entries(value).map(([key, child]) => [key, treeOf(child)]) };
}

export function writeTree(tree: JsonTree): string {
  switch (tree.type) {
    case "text":
      return tree.text;
    case "list":
      return `[${tree.items.map(writeTree).join(",")}]`;
    case "object":
      return `{${tree.entries.map(([key, value]) => `${JSON.stringify(key)}:${writeTree(value)}`).join(",")}}`;
  }
}

/** What is done to one place of a tree. */
export type Mutation =
  | { readonly type: "replace"; readonly text: string }
  /** Puts something of the same sort in its place, chosen by a number. */
  | { readonly type: "alike"; readonly pick: number }
  | { readonly type: "remove" }
  /** Says it a second time, with another value behind or before the first. */
  | { readonly type: "repeat"; readonly text: string; readonly first: boolean }
  | { readonly type: "add"; readonly key: string; readonly text: string };

/** The tree with the mutation done at the place of this number; places are counted from the root on, and start anew at their end. */
export function mutate(tree: JsonTree, place: number, mutation: Mutation): JsonTree {
  let left = place % countPlaces(tree);
  const at = (node: JsonTree): readonly JsonTree[] => {
    if (left-- === 0) return done(node, mutation);
    switch (node.type) {
      case "text":
        return [node];
      case "list":
        return [{ type: "list", items: node.items.flatMap(at) }];
      case "object":
        return [
          {
            type: "object",
            entries: node.entries.flatMap(([key, child]) => at(child).map((each) => [key, each] as const)),
          },
        ];
    }
  };
  return at(tree)[0] ?? { type: "text", text: "null" };
}

/** What stands in the node's place: nothing, one node, or two of which an object gives the same key to both. */
function done(node: JsonTree, mutation: Mutation): readonly JsonTree[] {
  switch (mutation.type) {
    case "replace":
      return [{ type: "text", text: mutation.text }];
    case "alike":
      return [node.type === "text" ? { type: "text", text: alike(node.text, mutation.pick) } : node];
    case "remove":
      return [];
    case "repeat": {
      const other: JsonTree = { type: "text", text: mutation.text };
      return mutation.first ? [other, node] : [node, other];
    }
    case "add": {
      const added: JsonTree = { type: "text", text: mutation.text };
      if (node.type === "object") return [{ ...node, entries: [...node.entries, [mutation.key, added]] }];
      return node.type === "list" ? [{ ...node, items: [...node.items, added] }] : [added];
    }
  }
}

function countPlaces(tree: JsonTree): number {
  switch (tree.type) {
    case "text":
      return 1;
    case "list":
      return tree.items.reduce((sum, item) => sum + countPlaces(item), 1);
    case "object":
      return tree.entries.reduce((sum, [, child]) => sum + countPlaces(child), 1);
  }
}

/** What is written like it and means something at the edge of what is known, or just beyond it. */
const sorts: readonly (readonly [like: RegExp, others: readonly string[]])[] = [
  [
    /^"\d{4}-\d\d-\d\dT/,
    [
      "0000-01-01T00:00:00Z",
      "0001-01-01T00:00:00+14:00",
      "1899-12-31T23:59:59Z",
      "1970-01-01T00:00:00.000000001Z",
      "2024-06-30T23:59:60Z",
      "2024-10-08T24:00:00Z",
      "2024-10-08t10:00:00z",
      "2024-10-08T10:00Z",
      "2024-10-08T10:00:00-00:00",
      "2024-10-08T10:00:00.123456789123Z",
      "2999-12-31T23:59:59Z",
      "9999-12-31T23:59:59Z",
      "9999-12-31T23:59:59-23:59",
      "+010000-01-01T00:00:00Z",
    ].map(quoted),
  ],
  [
    /^"\d{4}-\d\d-\d\d"$/,
    [
      "0000-01-01",
      "0000-12-31",
      "0001-01-01",
      "0999-12-31",
      "1600-02-29",
      "1899-12-31",
      "1900-01-01",
      "1900-02-29",
      "1972-06-30",
      "2024-02-29",
      "2023-02-29",
      "2024-12-31",
      "2099-12-31",
      "2999-12-31",
      "3000-01-01",
      "9999-11-30",
      "9999-12-31",
      "-000001-01-01",
      "+010000-01-01",
      "2024-1-1",
      "2024-10-08 ",
      "２０２４-10-08",
    ].map(quoted),
  ],
  [
    /^"\d{4}-\d\d"$/,
    [
      "0000-01",
      "0000-12",
      "0001-01",
      "0999-12",
      "1900-01",
      "2024-00",
      "2024-13",
      "2999-12",
      "9999-12",
      "+10000-01",
      "2024-1",
      "2024-01 ",
    ].map(quoted),
  ],
  [
    /^-?\d/,
    [
      "-1",
      "-0",
      "0",
      "1",
      "1.5",
      "120",
      "121",
      "1200",
      "1201",
      "2147483647",
      "2147483648",
      "999999999999",
      "1000000000000",
      "9007199254740991",
      "9007199254740993",
      "1e21",
      "1e400",
      "-1e400",
      "1e-400",
      quoted("1"),
      "null",
    ],
  ],
  [
    /^"[^"]*@/,
    [
      "a@b",
      "a@b.c",
      "a.@example.com",
      "a..b@example.com",
      '"a b"@example.com',
      "a@[127.0.0.1]",
      "a@例え.jp",
      "花子@example.com",
      "a@example.com\n",
      "a@example.com,b@example.com",
      "<a@example.com>",
      "a@@example.com",
      `${"a".repeat(300)}@example.com`,
      `a@${"b".repeat(63)}.${"c".repeat(63)}.example`,
      "a+b%c@example.com",
      "a'b@example.com",
    ].map(quoted),
  ],
  [
    /^"[\w.-]+"$/,
    [
      ".",
      "..",
      "-",
      "_",
      "0",
      "7".repeat(64),
      "x".repeat(64),
      "x".repeat(65),
      "__proto__",
      "constructor",
      "a\n",
      " a",
      "а",
      "c/1",
      "c:1",
      "sub_",
      "%2e%2e",
      "null",
      "",
    ].map(quoted),
  ],
];

function alike(text: string, pick: number): string {
  const others = sorts.find(([like]) => like.test(text))?.[1] ?? ["null", quoted("")];
  return others[pick % others.length] ?? "null";
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
