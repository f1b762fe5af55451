import type { SQL } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import postgres from "postgres";
import type { DatabaseOptions as DatabaseAddress } from "../database-url.ts";
import { StoreError, toStoreError } from "./store-error.ts";

/** A row as the driver gives it. Instants and dates are text, `bigint` is a number (ours have at most twelve digits). */
export type Row = Record<string, unknown>;

/** Called before and after each statement; a test stops or kills the process there. */
export type StatementHook = (moment: "before" | "after", statement: string) => Promise<void> | void;

export interface DatabaseOptions {
  readonly address: DatabaseAddress;
  /** Connections of this process: at least one for each operation at work and two for the rest. */
  readonly poolSize: number;
  /** How this process calls itself in `pg_stat_activity`. */
  readonly applicationName: string;
  readonly onStatement?: StatementHook;
  /** How long a call may take from here, waiting for a connection included. */
  readonly deadlineMs?: number;
}

/** Longer than the server's own limit below, so that the server's word, which says that nothing happened, comes first. */
const deadlineMsDefault = 15_000;

/** Every statement of ours reads or writes a handful of rows by index; ten seconds mean that something is wrong. */
const statementTimeoutMs = 10_000;

/** Nobody of ours holds a lock across the network, so a longer wait is an administrator's lock: come back later. */
const lockTimeoutMs = 3_000;

const dialect = new PgDialect();

/**
 * The access to PostgreSQL: single statements, each with a name and a deadline.
 *
 * The driver knows no time-out of its own: a query into a black hole hangs for ever. So a client that missed a deadline
 * is thrown away and replaced; calls that it still has in flight end as `unreachable`. There are no interactive
 * transactions, for the reasons in `docs/decisions/0001-guarded-statements.md`.
 */
export class Database {
  readonly #options: DatabaseOptions;
  #client: postgres.Sql;
  readonly #listening = new Set<postgres.Sql>();
  #closed = false;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#client = connect(options);
  }

  /**
   * Runs one statement and returns its rows. `name` is what errors and failpoints call it. One that is `shared` serves several
   * operations, each of which passes the hook by itself: see {@link passing}.
   *
   * Throws {@link StoreError}: after `unreachable` nobody knows whether the statement took effect.
   */
  async run<T extends Row = Row>(
    name: string,
    statement: SQL,
    options: { readonly deadlineMs?: number; readonly shared?: boolean } = {},
  ): Promise<T[]> {
    const { sql: text, params } = dialect.sqlToQuery(statement);
    const client = this.#client;
    const deadlineMs = options.deadlineMs ?? this.#options.deadlineMs ?? deadlineMsDefault;
    const ask = async () => {
      // Prepared once per connection and text: the texts of our statements are few, the parameters many.
      const answer = client.unsafe(text, params as postgres.ParameterOrJSON<never>[], { prepare: true });
      return (await beforeDeadline(answer, name, deadlineMs)) as unknown as T[];
    };
    try {
      return options.shared === true ? await ask() : await this.passing(name, ask);
    } catch (error) {
      const mapped = toStoreError(error, name);
      if (mapped.code === "deadline") this.#replace(client);
      throw mapped;
    }
  }

  /**
   * Passes the hook before and after what runs a statement, or one's share of it. What the hook throws stands for a
   * connection that was lost: before, with the statement; after, with its reply.
   */
  async passing<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      await this.#options.onStatement?.("before", name);
      const answer = await work();
      await this.#options.onStatement?.("after", name);
      return answer;
    } catch (error) {
      throw toStoreError(error, name);
    }
  }

  /**
   * Listens on a channel until closed, over lost connections. Notifications sent while none stands are lost.
   *
   * On a client of its own: one that is thrown away for a missed deadline would take its listeners along.
   */
  async listen(channel: string, heard: (payload: string) => void): Promise<() => Promise<void>> {
    const name = `listen ${channel}`;
    const client = connect({ ...this.#options, poolSize: 1 });
    this.#listening.add(client);
    const unlisten = async () => {
      this.#listening.delete(client);
      await client.end({ timeout: 0 });
    };
    try {
      await beforeDeadline(client.listen(channel, heard), name, this.#options.deadlineMs ?? deadlineMsDefault);
      return unlisten;
    } catch (error) {
      await unlisten();
      throw toStoreError(error, name);
    }
  }

  /** Closes all connections: at once those that are idle, the others after at most `graceMs`. */
  async close(graceMs = 5_000): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const listening = [...this.#listening].map((client) => client.end({ timeout: 0 }));
    await Promise.all([this.#client.end({ timeout: graceMs / 1_000 }), ...listening]);
  }

  #replace(client: postgres.Sql): void {
    if (client !== this.#client || this.#closed) return;
    this.#client = connect(this.#options);
    // What it still has in flight gets a moment to come back; then its sockets are destroyed.
    client.end({ timeout: 1 }).catch(() => undefined);
  }
}

/** What the driver answers, or an error once the deadline is missed. The driver's answer is then nobody's any more. */
async function beforeDeadline<T>(answer: PromiseLike<T>, name: string, deadlineMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const missed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreError("unreachable", "deadline", name)), deadlineMs);
  });
  try {
    return await Promise.race([answer, missed]);
  } finally {
    clearTimeout(timer);
  }
}

/** The address in this driver's own terms. */
export function driverOptions({ host, port, user, password, database, tls }: DatabaseAddress) {
  const ssl = { disable: false, require: "require", "verify-full": "verify-full" } as const;
  const common = { user, password: password.reveal(), database, ssl: ssl[tls] };
  // The driver splits a host that it is given as text at its colons. Its types do not know that it takes a list.
  const listed = host.includes(":")
    ? { host: [host] as unknown as string, port: [port] as unknown as number }
    : { host, port };
  return { ...listed, ...common };
}

function connect({ address, poolSize, applicationName }: DatabaseOptions): postgres.Sql {
  return postgres({
    ...driverOptions(address),
    max: poolSize,
    connect_timeout: 5,
    // The driver's own back-off grows to 20 s, all of which a query would wait after the server has come back.
    backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, 1),
    onnotice: () => undefined,
    // Catalogue queries for array types that no statement of ours uses.
    fetch_types: false,
    connection: {
      application_name: applicationName,
      TimeZone: "UTC",
      statement_timeout: statementTimeoutMs,
      lock_timeout: lockTimeoutMs,
      // Every statement of ours goes by index, whatever its parameters: planning it anew each time costs more than running
      // it. A plan made while the tables were empty would read them whole until somebody analyses them; so it may not.
      plan_cache_mode: "force_generic_plan",
      enable_seqscan: "off",
      jit: "off",
    },
    types: {
      bigint: { to: 20, from: [20], parse: Number, serialize: String },
      date: { to: 1184, from: [1082, 1114, 1184], parse: (text: string) => text, serialize: (text: string) => text },
    },
  });
}
