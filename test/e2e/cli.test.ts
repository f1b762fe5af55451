import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { version } from "../../src/version.ts";
import { monthlyByCard } from "../support/card-contracts.ts";
import { createEmptyDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { createExecutionBench, monthlyTerms } from "../support/execution.ts";
import { findFreePort } from "../support/free-port.ts";
import { addOperations } from "../support/store-rows.ts";

const root = join(import.meta.dirname, "..", "..");

interface Ending {
  readonly code: number | string | null;
  readonly out: string;
  readonly err: string;
}

interface Running {
  readonly ended: Promise<Ending>;
  signal(name: NodeJS.Signals): void;
  /** Closes the reading end of its stdout, as `head` does once it has enough. */
  stopReading(): void;
}

/** Starts the built program with these settings and no others. */
function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [join(root, "dist", "src", "cli.js"), ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const written = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    written.out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    written.err += chunk.toString();
  });
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: code ?? signal, ...written }));
  });
  return { ended, signal: (name) => void child.kill(name), stopReading: () => void child.stdout.destroy() };
}

function keiyaku(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ending> {
  return start(args, env).ended;
}

function wordsOf(text: string): readonly string[] {
  return text.split(" ").filter((word) => word !== "");
}

async function setup() {
  const bench = await createExecutionBench();
  onTestFinished(() => bench.close());
  const folder = mkdtempSync(join(tmpdir(), "keiyaku-e2e-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return {
    bench,
    env: { DATABASE_URL: bench.url },
    file: (lines: readonly (object | string)[]): string => {
      const path = join(folder, "import.ndjson");
      writeFileSync(path, lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""));
      return path;
    },
  };
}

const { product, customer, ...terms } = monthlyTerms();
const catalog = [
  { type: "product", ...product },
  { type: "customer", ...customer },
];

describe("the catalog by command line", () => {
  it("puts a product in the version that is given after the command, and shows it", async () => {
    const { env } = await setup();
    const put = (rest: string) =>
      keiyaku(wordsOf(`product put magazine --kind monthly --access per_period --price 1980 ${rest} --json`), env);
    expect(await put("--month 2027-03 --version 7")).toMatchObject({ code: 0, err: "" });
    const shown = await keiyaku(["product", "show", "magazine", "--json"], env);
    expect(JSON.parse(shown.out)).toMatchObject({ automaticTerminationMonth: "2027-03", priceMinor: 1980, version: 7 });
    expect(JSON.parse((await put("--no-month --version 7")).out)).toEqual({
      id: "magazine",
      answer: "ignored",
      version: 7,
    });
    expect(JSON.parse((await put("--no-month --version 8")).out)).toMatchObject({ answer: "updated" });
  });

  it("puts a customer, and shows name and mail on demand", async () => {
    const { env } = await setup();
    const names = ["--email", "hanako@example.com", "--name", "山田 花子", "--locale", "ja"];
    expect(await keiyaku(["customer", "put", "u-1", ...names, "--version", "1"], env)).toMatchObject({ code: 0 });
    expect((await keiyaku(["customer", "show", "u-1"], env)).out).not.toContain("花子");
    expect((await keiyaku(["customer", "show", "u-1", "--with-customer"], env)).out).toContain("山田 花子");
  });
});

describe("the command line", () => {
  it("tells with --help what it can do and what its exit codes mean", async () => {
    const golden = readFileSync(join(import.meta.dirname, "golden", "help.txt"), "utf8");
    expect(await keiyaku(["--help"])).toEqual({ code: 0, out: golden, err: "" });
  });

  it("tells its version", async () => {
    expect(await keiyaku(["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });

  it.each([
    ["an unknown command", ["improt"], "Unknown command 'improt'"],
    ["an unknown option", ["migrate", "--fast"], "Unknown option '--fast'"],
    ["a missing argument", ["request", "suspend"], "Missing required argument 'contract'"],
    ["one argument too many", ["contract", "show", "c-1", "c-2"], "Too many arguments"],
    ["a kind that is none", ["request", "suspnd", "c-1"], "Allowed choices are register, "],
    ["a worker that is none", ["start", "mails"], "Allowed choices are operations"],
    [
      "a put without its version",
      ["customer", "put", "u-1", "--email", "a@b.jp"],
      "Required option '--version <number>'",
    ],
    [
      "a put that leaves the month open",
      wordsOf("product put p --kind monthly --access per_period --price 1 --version 1"),
      "Say --month YYYY-MM or --no-month",
    ],
    ["a state that is none", ["operation", "list", "--state", "hold"], "Allowed choices are requested, "],
    ["a number that is none", ["operation", "list", "--limit", "many"], "It must be a whole number"],
    ["a decision without a reason", ["operation", "retry", "op-1"], "--reason <text>"],
    ["a reason that says nothing", ["operation", "retry", "op-1", "--reason", " "], "Say why"],
    [
      "options that contradict",
      ["request", "suspend", "c-1", "--params", "{}", "--param", "a=1"],
      "cannot be used with",
    ],
  ])("calls %s wrong usage, before it opens anything", async (_, args, sentence) => {
    const { code, out, err } = await keiyaku(args, { DATABASE_URL: "not read" });
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/^error wrong_usage: .*--help.*\n$/);
    expect(err).toContain(sentence);
  });

  it.each(["", "contract", "operation"])(
    "shows the help of a group that is left without a command: keiyaku %s",
    async (words) => {
      const { code, out, err } = await keiyaku(wordsOf(words));
      expect({ code, out }).toEqual({ code: 2, out: "" });
      expect(err).toContain("Commands:");
    },
  );

  it.each(["migrate", "start", "operation list"])("names every missing setting at once: keiyaku %s", async (words) => {
    const { code, err } = await keiyaku(wordsOf(words), { NODE_ENV: "production" });
    expect(code).toBe(2);
    expect(err).toMatch(
      /^error invalid_settings: DATABASE_URL must be set .*\nerror invalid_settings: STRIPE_SECRET_KEY must be set .*\n$/,
    );
  });

  it("names settings that contradict each other", async () => {
    const { code, err } = await keiyaku(["operation", "list"], {
      DATABASE_POOL_SIZE: "3",
      STRIPE_API_BASE: "http://127.0.0.1:1",
    });
    expect(code).toBe(2);
    expect(err).toMatch(/error invalid_settings: DATABASE_POOL_SIZE is 3 .* WORKER_CONCURRENCY/);
    expect(err).toMatch(/error invalid_settings: STRIPE_API_BASE needs STRIPE_SECRET_KEY/);
  });

  it.each(["operation list", "migrate", "request suspend c-1"])(
    "says try later when the database cannot be reached: keiyaku %s",
    async (words) => {
      const url = `postgres://keiyaku:open-sesame@127.0.0.1:${await findFreePort()}/keiyaku`;
      const { code, out, err } = await keiyaku(wordsOf(words), { DATABASE_URL: url });
      expect({ code, out }).toEqual({ code: 75, out: "" });
      expect(err).toMatch(/^error database_unreachable: PostgreSQL does not answer \(ECONNREFUSED\)\. .*\n$/);
      expect(err).not.toContain("open-sesame");
    },
  );

  it("says which port is taken and what to do, where a worker cannot listen", async () => {
    const { env } = await setup();
    const taken = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void taken.close());
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;

    const refused = await keiyaku(["start"], { ...env, STRIPE_SECRET_KEY: "sk_test_1", HTTP_PORT: String(port) });

    const remedy = "Set HTTP_PORT to a free port, or end the program that listens there.";
    expect(refused).toMatchObject({
      code: 1,
      err: `error port_in_use: Port ${port} of 127.0.0.1 is in use. ${remedy}\n`,
    });
  });

  it("asks for a migration first, and is of use after it", async () => {
    const empty = await createEmptyDatabase();
    onTestFinished(() => empty.drop());
    const env = { DATABASE_URL: empty.url };
    const outdated = await keiyaku(["operation", "list"], env);
    expect(outdated).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^error schema_outdated: .*`keiyaku migrate`/),
    });
    const refused = await keiyaku(["start"], { ...env, STRIPE_SECRET_KEY: "sk_test_1", HTTP_PORT: "0" });
    expect(refused).toMatchObject({ code: 1, err: expect.stringMatching(/^error start_refused: .*`keiyaku migrate`/) });

    expect(await keiyaku(["migrate"], env)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Applied \d+ of \d+/),
    });
    expect(await keiyaku(["operation", "list", "--json"], env)).toEqual({ code: 0, out: "[]\n", err: "" });
  });

  it("asks for a migration too when only the last one is missing", async () => {
    const { bench, env } = await setup();
    await bench.sql`delete from keiyaku.__drizzle_migrations
      where created_at = (select max(created_at) from keiyaku.__drizzle_migrations)`;

    expect(await keiyaku(["operation", "list"], env)).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringMatching(/^error schema_outdated: .*`keiyaku migrate`/),
    });
  });

  it("imports a file with good and bad lines, data alone on stdout", async () => {
    const { bench, env, file } = await setup();
    const path = file([...catalog, { type: "contract", contractId: "c-1", ...terms }, "oops", { type: "contract" }]);

    const { code, out, err } = await keiyaku(["import", "--json", path], env);
    expect({ code, err }).toEqual({ code: 3, err: "" });
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { type: "bad_line", line: 4, code: "not_json" },
      { type: "bad_line", line: 5, code: "invalid_field", field: "contractId" },
      { type: "summary", lines: 5, contracts: { accepted: 1 }, bad: 2 },
    ]);
    expect(await bench.operation("import-c-1")).toMatchObject({ kind: "register", state: "requested" });
    const again = await keiyaku(["import", path], env);
    expect(again).toMatchObject({ code: 3, out: expect.stringContaining("contracts  0 accepted, 1 already known") });
    expect(again.err).toMatch(/^error not_json: line 4: /);
  });

  it("requests an operation and shows what became of the contract", async () => {
    const { bench, env } = await setup();
    const params = JSON.stringify(monthlyTerms());
    const registered = await keiyaku(["request", "register", "c-1", "--id", "r-1", "--params", params], env);
    expect(registered).toMatchObject({ code: 0, out: "accepted  operation r-1: register of contract c-1\n" });
    await bench.execute("r-1");
    const args = ["--id", "p-1", "--actor", "operator:alice", "--reason", "振込を確認", "--param", "paidPeriods=[0]"];
    await keiyaku(["request", "confirm_payment", "c-1", ...args], env);
    await bench.execute("p-1");

    const { code, out } = await keiyaku(["contract", "show", "c-1"], env);
    expect(code).toBe(0);
    expect(out).toMatch(/status +payment_unconfirmed 決済未確認\n/);
    expect(out).toMatch(/confirm_payment 支払いを確認 +operator:alice +succeeded .* 振込を確認 +p-1\n/);
    expect(out).not.toContain("\u001b");
    expect(await keiyaku(["request", "suspend", "c-1", "--id", "p-1"], env)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^error id_reused: /),
    });
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("ends at %s with its numbers and the exit code %i", async (signal, code) => {
    const { bench, env, file } = await setup();
    const path = file([...catalog, { type: "contract", contractId: "c-1", ...terms }]);
    const running = start(["import", "--wait", path], env);
    await eventually(async () => (await bench.sql`select id from keiyaku.operations`).length === 1, {
      withinMs: 30_000,
    });
    running.signal(signal);

    expect(await running.ended).toMatchObject({ code, out: expect.stringContaining("contracts  1 accepted") });
  });

  it("ends a look through the books at SIGINT, tells how far it came, and goes on when told to", async () => {
    const { bench, env } = await setup();
    const { contractId } = await monthlyByCard(bench);
    await addOperations(bench.sql, { id: "open", contract_id: contractId });
    const stripe = { ...env, STRIPE_SECRET_KEY: bench.stripe.secretKey, STRIPE_API_BASE: bench.stripe.url };
    const running = start(["reconcile"], stripe);
    // It waits before it looks at the busy contract once more.
    await eventually(async () => (await bench.sql`select from keiyaku.book_checks`).length === 1, { withinMs: 30_000 });
    running.signal("SIGINT");

    expect(await running.ended).toMatchObject({
      code: 130,
      out: expect.stringContaining("0 of 1 contracts by card were looked at."),
      err: expect.stringContaining("Interrupted. `keiyaku reconcile --resume` goes on from here."),
    });
    await bench.sql`delete from keiyaku.operations where id = 'open'`;
    expect(await keiyaku(["reconcile", "--resume"], stripe)).toMatchObject({
      code: 0,
      out: expect.stringContaining("1 of 1 contracts by card were looked at."),
    });
    expect(await keiyaku(["audit"], env)).toMatchObject({ code: 0 });
    expect(await keiyaku(["reconcile", "--resume", "--contract", contractId], stripe)).toMatchObject({ code: 2 });
  });

  it("loads the queue and its driver for the commands that need them, and for no other", async () => {
    const { env } = await setup();
    const tell = `import { createRequire } from "node:module";
      const isOfQueue = (path) => /node_modules.(bullmq|pg).(?!node_modules)/.test(path);
      process.on("exit", () => console.error(Object.keys(createRequire("file:///").cache).filter(isOfQueue).length));`;
    const options = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(tell)}` };

    expect(await keiyaku(["operation", "list", "--json"], { ...env, ...options })).toMatchObject({
      code: 0,
      err: "0\n",
    });
    expect((await keiyaku(["migrate"], { ...env, ...options })).err).toMatch(/^[1-9]\d+\n$/);
  });

  it("ends with a sentence for arguments that nobody should give", async () => {
    const { env, file } = await setup();
    const put = [
      "product",
      "put",
      "x",
      "--kind",
      "monthly",
      "--access",
      "per_period",
      "--price",
      "1",
      "--version",
      "1",
    ];
    const asked: readonly (readonly [code: number, ...args: string[]])[] = [
      [2, "request", "__proto__", "c-1"],
      [2, "operation", "list", "--limit", "1e400"],
      [2, ...put, "--month", "0000-05"],
      [1, "contract", "show", "\u202E\u001b[2J"],
      [2, "import", "/"],
      [1, "import", file([`${"[".repeat(9_000)}`, '{"type":"contract","contractId":"\\ud800"}', "\u0000"])],
    ];

    const endings = await Promise.all(asked.map(([, ...args]) => keiyaku(args, env)));

    expect(endings.map(({ code }) => code)).toEqual(asked.map(([code]) => code));
    for (const { err } of endings) {
      expect(err).toMatch(/^error [a-z_]+: \S/m);
      expect(err).not.toMatch(/ at \S+ \(|node_modules|unexpected_error|[^\P{Cc}\n]|\u202E/u);
    }
  });

  it("does not mind a reader who has enough", async () => {
    const { env } = await setup();
    const running = start(["operation", "list"], env);
    running.stopReading();

    expect(await running.ended).toMatchObject({ code: 0, err: expect.not.stringContaining("error") });
  });
});
