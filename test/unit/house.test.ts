import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";
import { SyntaxKind } from "typescript/unstable/ast";
import { createScanner } from "typescript/unstable/ast/scanner";
import { describe, expect, test } from "vitest";

/*
 * What may touch what, held by reading every source file of src/ and workers/. The checker is a function over a map of
 * path → source, so that each rule can be shown a file that breaks it.
 */

/** The files that may load the sandbox, dynamically and only for the embedded default. */
const sandboxLoaders = ["src/installation.ts", "src/cli.ts", "workers/start.ts"];
/** Files that may turn a known value into a Date (`new Date(x)`), each for a library that takes nothing else. */
const dateConverters: readonly string[] = [];

interface Import {
  /** Undefined for a dynamic import whose specifier is computed. */
  readonly specifier: string | undefined;
  readonly isDynamic: boolean;
}

interface Source {
  readonly path: string;
  /** The code without comments, its tokens apart by one blank; strings and regular expressions are empty. */
  readonly code: string;
  readonly imports: readonly Import[];
  /** The names in `["name"]`. */
  readonly elements: readonly string[];
}

interface Token {
  readonly kind: SyntaxKind;
  readonly text: string;
  readonly value: string;
}

/** Reads the tokens with TypeScript's own scanner, so that comments, strings and templates are told from code. */
function tokensOf(text: string): readonly Token[] {
  const scanner = createScanner(true);
  scanner.setText(text);
  const tokens: Token[] = [];
  const braces: ("block" | "template")[] = [];
  for (let kind = scanner.scan(); kind !== SyntaxKind.EndOfFile; kind = scanner.scan()) {
    if (kind === SyntaxKind.SlashToken || kind === SyntaxKind.SlashEqualsToken) {
      if (!endsAnExpression(tokens.at(-1))) kind = scanner.reScanSlashToken();
    }
    if (kind === SyntaxKind.TemplateHead) braces.push("template");
    if (kind === SyntaxKind.OpenBraceToken) braces.push("block");
    if (kind === SyntaxKind.CloseBraceToken) {
      if (braces.at(-1) === "template") kind = scanner.reScanTemplateToken(false);
      if (kind !== SyntaxKind.TemplateMiddle) braces.pop();
    }
    tokens.push({ kind, text: scanner.getTokenText(), value: scanner.getTokenValue() });
  }
  return tokens;
}

/** Whether a slash after this token divides; otherwise it begins a regular expression. */
function endsAnExpression(token: Token | undefined): boolean {
  if (token === undefined || ["return", "typeof", "case", "in", "of"].includes(token.text)) return false;
  return /[\w$)\]}"'`]$/.test(token.text);
}

function isString({ kind }: Token): boolean {
  return kind === SyntaxKind.StringLiteral || kind === SyntaxKind.NoSubstitutionTemplateLiteral;
}

const blanked: readonly SyntaxKind[] = [
  SyntaxKind.StringLiteral,
  SyntaxKind.NoSubstitutionTemplateLiteral,
  SyntaxKind.TemplateHead,
  SyntaxKind.TemplateMiddle,
  SyntaxKind.TemplateTail,
  SyntaxKind.RegularExpressionLiteral,
];

function read(path: string, text: string): Source {
  const tokens = tokensOf(text);
  const imports = tokens.flatMap((token, index): Import[] => {
    const [next, afterNext] = [tokens[index + 1], tokens[index + 2]];
    if (next === undefined) return [];
    if (token.text === "import" && next.text === "(") {
      const isNamed = afterNext !== undefined && isString(afterNext);
      return [{ specifier: isNamed ? afterNext.value : undefined, isDynamic: true }];
    }
    const leadsToSpecifier = token.text === "import" || token.text === "from";
    return leadsToSpecifier && isString(next) ? [{ specifier: next.value, isDynamic: false }] : [];
  });
  const elements = tokens.flatMap((token, index) => {
    const isElement = isString(token) && tokens[index - 1]?.text === "[" && tokens[index + 1]?.text === "]";
    return isElement ? [token.value] : [];
  });
  const code = tokens.map(({ kind, text: word }) => (blanked.includes(kind) ? '""' : word)).join(" ");
  return { path, code: ` ${code} `, imports, elements };
}

/** The path of a file of ours, for a relative specifier; undefined for a package. */
function oursOf(path: string, specifier: string | undefined): string | undefined {
  return specifier?.startsWith(".") ? normalize(join(dirname(path), specifier)) : undefined;
}

/** The package of a specifier (`drizzle-orm/pg-core` is of `drizzle-orm`); undefined for a file of ours. */
function packageOf(specifier: string | undefined): string | undefined {
  if (specifier === undefined || specifier.startsWith(".")) return undefined;
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function isIn(path: string | undefined, ...places: readonly string[]): boolean {
  return places.some((place) => path === place || (place.endsWith("/") && path?.startsWith(place) === true));
}

type Rule = (source: Source, all: ReadonlyMap<string, Source>) => readonly string[];

function packagesOnlyIn(packages: readonly string[], ...places: readonly string[]): Rule {
  return ({ path, imports }) =>
    isIn(path, ...places)
      ? []
      : imports.flatMap(({ specifier }) =>
          packages.includes(packageOf(specifier) ?? "") ? [`imports ${specifier}`] : [],
        );
}

function codeOnlyIn(pattern: RegExp, ...places: readonly string[]): Rule {
  return ({ path, code }) =>
    isIn(path, ...places) ? [] : [...code.matchAll(pattern)].map(([match]) => `has ${match}`);
}

const rules = {
  "the domain imports itself, temporal-polyfill and zod": ({ path, imports }) =>
    !isIn(path, "src/contract/")
      ? []
      : imports
          .filter(({ specifier }) => {
            const isDomain = isIn(oursOf(path, specifier), "src/contract/");
            return !isDomain && !["temporal-polyfill", "zod"].includes(packageOf(specifier) ?? "");
          })
          .map(({ specifier }) => `imports ${specifier}`),
  "only src/stripe/ imports stripe": packagesOnlyIn(["stripe"], "src/stripe/"),
  "only src/store/ imports drizzle and postgres": packagesOnlyIn(
    ["drizzle-orm", "drizzle-kit", "postgres"],
    "src/store/",
  ),
  "only the queue's own side imports bullmq": packagesOnlyIn(
    ["bullmq"],
    "workers/",
    "src/queue/",
    "src/client.ts",
    "src/store/migrate.ts",
  ),
  "only src/metrics/ imports prom-client": packagesOnlyIn(["prom-client"], "src/metrics/"),
  "only src/tracing/ imports OpenTelemetry": packagesOnlyIn(
    [
      "@opentelemetry/api",
      "@opentelemetry/exporter-trace-otlp-http",
      "@opentelemetry/resources",
      "@opentelemetry/sdk-trace-node",
      "bullmq-otel",
    ],
    "src/tracing/",
  ),
  "the SDK of OpenTelemetry is loaded only when traces are sent": ({ imports }) =>
    imports.flatMap(({ specifier, isDynamic }) =>
      !isDynamic && /^@opentelemetry\/(sdk|exporter|resources)/.test(specifier ?? "") ? [`imports ${specifier}`] : [],
    ),
  "test/ is never imported, the sandbox only dynamically by a root": ({ path, imports }) =>
    imports.flatMap(({ specifier, isDynamic }) => {
      const ours = oursOf(path, specifier);
      const mayLoad = isDynamic && isIn(path, ...sandboxLoaders);
      const isForbidden = isIn(ours, "test/") || (isIn(ours, "sandbox/") && !mayLoad);
      const isHidden = isDynamic && specifier === undefined && !mayLoad;
      return isForbidden || isHidden ? [`imports ${specifier ?? "what it computes"}`] : [];
    }),
  "only src/config.ts reads the environment": (source, all) => [
    ...codeOnlyIn(/ process (\?\. |\. )env | process (\?\. )?\[ /g, "src/config.ts")(source, all),
    ...packagesOnlyIn(["process", "node:process"], "src/config.ts")(source, all),
  ],
  "only src/clock.ts asks for the time": (source, all) => [
    ...codeOnlyIn(/ Date \. now | new Date (?!\( (?!\)))| Temporal \. Now /g, "src/clock.ts")(source, all),
    ...codeOnlyIn(/ new Date \( (?!\))/g, "src/clock.ts", ...dateConverters)(source, all),
  ],
  "no transaction stays open": (source, all) => [
    ...codeOnlyIn(/ (\.|\?\.) (transaction|begin) (?!= )/g, "src/store/migrate.ts")(source, all),
    ...source.elements
      .filter((name) => ["transaction", "begin"].includes(name) && !isIn(source.path, "src/store/migrate.ts"))
      .map((name) => `has ["${name}"]`),
  ],
  "the client reaches neither the database nor Stripe": (source, all) =>
    source.path !== "src/client.ts"
      ? []
      : reachOf(source, all)
          .filter((name) => clientNever.includes(name))
          .map((name) => `reaches ${name}`),
} as const satisfies Record<string, Rule>;
const clientNever = ["drizzle-orm", "drizzle-kit", "stripe", "postgres", "pg"];

/** Every package that a file imports, at once or later, itself or through files of ours. */
function reachOf(from: Source, all: ReadonlyMap<string, Source>): readonly string[] {
  const reached = new Set([from]);
  for (const { path, imports } of reached) {
    for (const { specifier } of imports) {
      const next = all.get(oursOf(path, specifier) ?? "");
      if (next !== undefined) reached.add(next);
    }
  }
  const specifiers = [...reached].flatMap(({ imports }) => imports.map(({ specifier }) => specifier));
  return [...new Set(specifiers.flatMap((specifier) => packageOf(specifier) ?? []))];
}

/** Everything in these files that breaks a rule of the house: rule, file and what is wrong there. */
function violationsIn(files: Readonly<Record<string, string>>): readonly string[] {
  const all = new Map(Object.entries(files).map(([path, text]) => [path, read(path, text)]));
  return Object.entries<Rule>(rules).flatMap(([name, rule]) =>
    [...all.values()].flatMap((source) => rule(source, all).map((what) => `${name}: ${source.path} ${what}`)),
  );
}

function sourcesOf(...folders: readonly string[]): Readonly<Record<string, string>> {
  const root = join(import.meta.dirname, "../..");
  const paths = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((path) => join(folder, path)),
  );
  const sources = paths.filter((path) => path.endsWith(".ts"));
  return Object.fromEntries(sources.map((path) => [path, readFileSync(join(root, path), "utf8")]));
}

describe("the house", () => {
  test("stands as it was planned: no file of src/ or workers/ breaks a rule", () => {
    const files = sourcesOf("src", "workers");
    expect(Object.keys(files)).toContain("src/contract/contract.ts");
    expect(violationsIn(files)).toEqual([]);
  });
});

type RuleName = keyof typeof rules;
const planted: readonly (readonly [RuleName, string, string])[] = [
  ["the domain imports itself, temporal-polyfill and zod", "src/contract/next.ts", 'import { x } from "../clock.ts";'],
  [
    "the domain imports itself, temporal-polyfill and zod",
    "src/contract/next.ts",
    'import type { X } from "../log.ts";',
  ],
  [
    "the domain imports itself, temporal-polyfill and zod",
    "src/contract/operations/a.ts",
    'export * from "../../x.ts";',
  ],
  ["the domain imports itself, temporal-polyfill and zod", "src/contract/next.ts", 'import { v5 } from "uuid";'],
  ["the domain imports itself, temporal-polyfill and zod", "src/contract/next.ts", 'import fs from "node:fs";'],
  ["only src/stripe/ imports stripe", "src/execution/a.ts", 'import Stripe from "stripe";'],
  ["only src/stripe/ imports stripe", "workers/a.ts", 'import type { Refund } from "stripe/lib";'],
  ["only src/store/ imports drizzle and postgres", "src/maintenance/a.ts", 'import { sql } from "drizzle-orm";'],
  ["only src/store/ imports drizzle and postgres", "workers/a.ts", 'export { eq } from "drizzle-orm/pg-core";'],
  ["only src/store/ imports drizzle and postgres", "src/cli.ts", 'const p = await import("postgres");'],
  ["only the queue's own side imports bullmq", "src/execution/a.ts", 'import { Queue } from "bullmq";'],
  ["only the queue's own side imports bullmq", "src/store/a.ts", 'import { runMigrations } from "bullmq";'],
  ["only src/metrics/ imports prom-client", "workers/a.ts", 'import { Counter } from "prom-client";'],
  ["only src/tracing/ imports OpenTelemetry", "src/stripe/a.ts", 'import { trace } from "@opentelemetry/api";'],
  [
    "the SDK of OpenTelemetry is loaded only when traces are sent",
    "src/tracing/a.ts",
    'import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";',
  ],
  ["test/ is never imported, the sandbox only dynamically by a root", "src/cli.ts", 'import "../sandbox/a.ts";'],
  ["test/ is never imported, the sandbox only dynamically by a root", "src/a.ts", 'await import("../sandbox/a.ts");'],
  ["test/ is never imported, the sandbox only dynamically by a root", "src/a.ts", "await import(path);"],
  ["test/ is never imported, the sandbox only dynamically by a root", "src/cli.ts", 'await import("../test/a.ts");'],
  ["test/ is never imported, the sandbox only dynamically by a root", "workers/a.ts", 'import a from "../test/a.ts";'],
  ["only src/config.ts reads the environment", "src/log.ts", "const level = process.env.LOG_LEVEL;"],
  ["only src/config.ts reads the environment", "src/log.ts", 'const level = process["env"].LOG_LEVEL;'],
  ["only src/config.ts reads the environment", "src/log.ts", 'import { env } from "node:process";'],
  ["only src/config.ts reads the environment", "src/log.ts", `const level = \`\${process.env.LEVEL}\`;`],
  ["only src/clock.ts asks for the time", "src/a.ts", "const ms = Date.now();"],
  ["only src/clock.ts asks for the time", "src/a.ts", "const clock = { nowMs: Date.now };"],
  ["only src/clock.ts asks for the time", "src/a.ts", "const now = new Date();"],
  ["only src/clock.ts asks for the time", "src/a.ts", "const now = new Date;"],
  ["only src/clock.ts asks for the time", "src/a.ts", "const at = new Date(text);"],
  ["only src/clock.ts asks for the time", "src/contract/a.ts", "Temporal.Now.instant();"],
  ["no transaction stays open", "src/store/a.ts", "await db.transaction(async (tx) => {});"],
  ["no transaction stays open", "src/store/a.ts", "await sql\n  .begin(async (tx) => {});"],
  ["no transaction stays open", "workers/a.ts", "await db?.transaction(work);"],
  ["no transaction stays open", "src/store/a.ts", "await sql.begin<Row[]>(async (tx) => {});"],
  ["no transaction stays open", "src/store/a.ts", "await sql.begin?.(work);"],
  ["no transaction stays open", "src/store/a.ts", "const open = sql.begin;"],
  ["no transaction stays open", "src/store/a.ts", 'await sql["begin"](work);'],
];

describe("the checker", () => {
  test.each(planted)("holds that %s: in %s it finds %s", (rule, path, text) => {
    expect(violationsIn({ [path]: text })).toEqual([expect.stringContaining(`${rule}: ${path} `)]);
  });

  test.each(["pg", "stripe", "drizzle-orm", "postgres"])(
    "holds that the client does not reach %s, however far away",
    (name) => {
      const found = violationsIn({
        "src/client.ts": 'const a = await import("./queue/a.ts");',
        "src/queue/a.ts": 'export * from "../store/b.ts";',
        "src/store/b.ts": `import type { x } from "${name}/deep";`,
      });
      expect(found).toContain(`the client reaches neither the database nor Stripe: src/client.ts reaches ${name}`);
    },
  );

  test("has a planted violation for every rule", () => {
    const shown = new Set<string>([
      ...planted.map(([rule]) => rule),
      "the client reaches neither the database nor Stripe",
    ]);
    expect(Object.keys(rules).filter((name) => !shown.has(name))).toEqual([]);
  });

  test.each([
    ["src/contract/a.ts", 'import { z } from "zod"; import { Temporal } from "temporal-polyfill"; import "./b.ts";'],
    ["src/stripe/a.ts", 'import Stripe from "stripe";'],
    ["src/store/a.ts", 'import postgres from "postgres"; import { sql } from "drizzle-orm";'],
    ["src/store/migrate.ts", 'import { runMigrations } from "bullmq"; await sql.begin(work);'],
    ["src/config.ts", "const { LOG_LEVEL } = process.env;"],
    ["src/clock.ts", "const now = new Date(); const ms = Date.now();"],
    ["src/cli.ts", 'const { startStandIn } = await import("../sandbox/stripe/server.ts");'],
    ["src/client.ts", 'import { Queue } from "bullmq"; const c = await import("postgres-shift");'],
    ["src/a.ts", "// process.env, Date.now() and sql.begin( are only spoken of\n/* new Date() */"],
    [
      "src/a.ts",
      `const text = "process.env Date.now() new Date() x.begin()"; const more = \`\${x} import("../test/a.ts")\`;`,
    ],
    ["src/a.ts", 'const pattern = /["\'`]/; const half = a / b; const rest = "Date.now()" ; // `'],
    ["src/a.ts", "const x: Date = row.at; type NewDate = Date; this.begin = 1; beginning();"],
  ])("lets be what is allowed or only spoken of: in %s, %s", (path, text) => {
    expect(violationsIn({ [path]: text })).toEqual([]);
  });
});
