import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { importFile } from "../../../src/cli/import-file.ts";
import type { Output } from "../../../src/cli/output.ts";
import { runProgram } from "../../../src/cli/program.ts";
import { driveOn } from "../../support/daily-run.ts";
import { monthlyTerms } from "../../support/execution.ts";
import { frozenRequests } from "../../support/frozen-payloads.ts";
import { readBack } from "../../support/hostile/read-back.ts";
import { examples, examplesTimeoutMs, within } from "../../support/hostile/try-examples.ts";
import { damaged, hostileJson, mutated, oddTexts } from "../../support/hostile/values.ts";
import { type CommandBench, setUpCommand } from "../cli/set-up-command.ts";

/*
 * Whatever is typed or lies in a file, the command ends with a code of its own and says in a line each what is wrong and what to
 * do: no stack, no statement, no `unexpected_error`, and nothing that moves the cursor of a terminal.
 */

let command: CommandBench;
let folder: string;
const before = { ...process.env };

beforeAll(async () => {
  command = await setUpCommand();
  folder = await mkdtemp(join(tmpdir(), "keiyaku-doors-"));
  const { bench } = command;
  await bench.perform({ id: "register-c-1", kind: "register", contractId: "c-1", params: monthlyTerms() });
  await bench.accept({ id: "suspend-c-1", kind: "suspend", contractId: "c-1" });
  await command.hold("suspend-c-1");
  await driveOn(bench, new Date(Date.now() + 9 * 3_600_000).toISOString().slice(0, 10));
  Object.assign(process.env, {
    DATABASE_URL: bench.url,
    STRIPE_SECRET_KEY: bench.stripe.secretKey,
    STRIPE_API_BASE: bench.stripe.url,
    KEIYAKU_DATA_DIR: folder,
  });
});
afterAll(async () => {
  for (const name of ["DATABASE_URL", "STRIPE_SECRET_KEY", "STRIPE_API_BASE", "KEIYAKU_DATA_DIR"]) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
  await command.close();
  await rm(folder, { recursive: true });
});

async function run(
  args: readonly string[],
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const written = { out: "", err: "" };
  const output = (name: "out" | "err"): Output => ({
    write: (text) => {
      written[name] += text;
    },
    terminal: null,
    hasColors: false,
  });
  const code = await within(
    20_000,
    args.join(" ").slice(0, 200),
    runProgram({ out: output("out"), err: output("err"), ask: null }, args),
  );
  return { code, ...written };
}

interface Known {
  readonly path: readonly string[];
  readonly args: readonly string[];
  readonly options: readonly { readonly name: string; readonly takesValue: boolean }[];
}

/** Every command there is, as its own help tells of it: one that is added is tried, too. */
async function knownCommands(path: readonly string[] = []): Promise<readonly Known[]> {
  const { out } = await run([...path, "--help"]);
  const names = [...(out.split("\nCommands:\n")[1]?.split("\n\n")[0] ?? "").matchAll(/^ {2}([a-z-]+)/gm)].map(
    ([, name = ""]) => name,
  );
  if (names.length > 0) return (await Promise.all(names.map((name) => knownCommands([...path, name])))).flat();
  const usage = out.split("\n\n")[0]?.replace(/\s+/g, " ") ?? "";
  const args = [...usage.matchAll(/<([\w-]+)>|\[(workers)\.\.\.\]/g)].map(
    ([, name = "", optional = ""]) => name + optional,
  );
  const options = [...out.matchAll(/^ {2}(--[a-z-]+)( <)?/gm)].map(([, name = "", value]) => ({
    name,
    takesValue: value !== undefined,
  }));
  return [{ path, args, options }];
}

const exits = [0, 1, 2, 3, 75];

/** No process is given NUL, and what is no Unicode comes as U+FFFD. */
const words = fc
  .oneof(
    { weight: 3, arbitrary: fc.constantFrom(...oddTexts) },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        "c-1",
        "suspend-c-1",
        "register-c-1",
        "customer-1",
        "magazine",
        "suspend",
        "resume",
        "delete",
        "operator:alice",
        "customer:customer-1",
        "service:",
        "confirm=c-1",
        "paidPeriods=[0,1]",
        "a=1e400",
        "=",
        "2024-10-08",
        "1",
        "held",
        "monthly",
        "per_period",
        "ja",
        "hanako@example.com",
        '{"confirm":"c-1"}',
        '{"__proto__":{"a":1}}',
        "0.01",
        "--",
        "-",
        "--json",
        "evt_1",
      ),
    },
    { weight: 1, arbitrary: hostileJson.map((text) => text.slice(0, 5_000)) },
  )
  .map((text) => text.replaceAll("\0", "0").toWellFormed());

/** What would keep the command waiting, or a process at work, is given by us. */
function mayWait({ path: [first, second] }: Known, args: readonly string[]): readonly string[] {
  if (first === "start") return ["nobody"];
  if (first === "maintenance" && second === "run") return [...args, "--patience", "0.01"];
  if (first === "request") return [...args, "--wait", "0.01"];
  return args;
}

it(
  "takes any arguments of any command",
  async () => {
    const all = await knownCommands();
    expect(all.length).toBeGreaterThanOrEqual(30);
    const codes: Record<number, number> = {};
    const asked = fc.constantFrom(...all).chain((known) =>
      fc
        .tuple(
          fc.array(words, {
            minLength: known.args.length === 0 ? 0 : known.args.length - 1,
            maxLength: known.args.length + 1,
          }),
          fc.array(fc.tuple(fc.constantFrom(...known.options, { name: "--nothing", takesValue: false }), words), {
            maxLength: 5,
          }),
        )
        .map(([args, options]) => {
          const given = options.flatMap(([{ name, takesValue }, value]) => (takesValue ? [name, value] : [name]));
          return [...known.path, ...mayWait(known, [...args, ...given.filter((word) => word !== "--wait")])];
        }),
    );
    await fc.assert(
      fc.asyncProperty(asked, async (args) => {
        const { code, out, err } = await run(args);
        codes[code] = (codes[code] ?? 0) + 1;
        expect(exits).toContain(code);
        expect(err, err).not.toMatch(/unexpected_error|database_refused|\bat \S+ \(|node_modules|insert into/);
        // Of control characters it writes the end of a line alone.
        expect((out + err).replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202A-\u202E\u2066-\u2069]/u);
        if (code !== 0) expect((out + err).trim(), args.join(" ")).not.toBe("");
        if (code === 0 && args.includes("--json") && out.trim() !== "") {
          for (const line of out.trim().split("\n")) JSON.parse(line);
        }
      }),
      { numRuns: examples(60) },
    );
    expect(Object.keys(codes)).toEqual(expect.arrayContaining(["0", "1", "2"]));
  },
  examplesTimeoutMs,
);

const lines = [
  ...frozenRequests
    .filter(({ data }) => (data.request as { kind: string }).kind === "register")
    .map(({ data }) => ({ type: "contract", contractId: "i-1", ...(data.request as { params: object }).params })),
  {
    type: "contract",
    contractId: "i-1",
    ...monthlyTerms({ payments: [{ subject: "period", period: 0, paidAt: "2024-10-08T10:00:00+09:00" }] }),
  },
  { type: "product", id: "magazine", kind: "monthly", priceMinor: 1_980 },
  {
    type: "product",
    id: "magazine",
    kind: "monthly",
    access: "per_period",
    priceMinor: 1_980,
    automaticTerminationMonth: "2030-01",
    version: 3,
  },
  { type: "customer", id: "customer-1", email: "hanako@example.com", name: "山田 花子" },
  { type: "customer", id: "customer-1", email: "hanako@example.com", name: "山田 花子", locale: "en", version: 2 },
];

it(
  "imports any file: each bad line is named with its field, and what was taken is carried out and read back",
  async () => {
    const { bench } = command;
    let contracts = 0;
    let bad = 0;
    const line = fc.oneof(
      { weight: 5, arbitrary: mutated(...lines).map((text) => Buffer.from(text)) },
      { weight: 1, arbitrary: damaged(mutated(...lines)) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 25 }), fc.boolean(), async (written, json) => {
        const own = written.map((bytes) => {
          contracts += 1;
          return Buffer.from(
            bytes.toString("latin1").replace('"contractId":"i-1"', `"contractId":"i-${contracts}"`),
            "latin1",
          );
        });
        const file = await command.file(own);
        const code = await within(
          20_000,
          "the import",
          command.run((context) => importFile(context, { file, json })),
        );
        expect([0, 2, 3, 1], command.err()).toContain(code);
        expect(command.err(), command.err()).not.toMatch(/unexpected_error|database_refused|node_modules/);
        if (json)
          bad += command.jsonLines().filter(({ field, problem }) => field !== undefined && problem !== "").length;
        await command.drain();
      }),
      { numRuns: examples(12) },
    );
    expect(bad).toBeGreaterThan(5);
    const imported = await bench.sql`select id, state, wait_reason from keiyaku.operations where actor_id = 'import'`;
    expect(imported.length).toBeGreaterThan(0);
    for (const { id } of imported) await readBack(bench, id);
  },
  examplesTimeoutMs,
);
