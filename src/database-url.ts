import { Secret } from "./secret.ts";

/**
 * How far a connection to PostgreSQL is protected: `disable` not at all; `require` encrypts without asking who answers;
 * `verify-full` encrypts and checks the certificate and the host's name in it.
 */
const tlsModes = ["disable", "require", "verify-full"] as const;
type TlsMode = (typeof tlsModes)[number];

/**
 * Where the database is and who connects, explicitly. Both of our drivers are given this instead of the URL, because they
 * read the same URL differently: `sslmode=require` verifies in one and not in the other, and a parameter that one ignores
 * makes the other fail.
 */
export interface DatabaseOptions {
  /** A name or an address; an IPv6 address without brackets; a folder for a server that listens on a socket file. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Empty for a server that asks for none. */
  readonly password: Secret;
  readonly database: string;
  readonly tls: TlsMode;
}

export type ParsedDatabaseUrl =
  | { readonly type: "parsed"; readonly options: DatabaseOptions }
  /** What is wrong, as the end of a sentence that begins with the variable's name. Quotes nothing that may be secret. */
  | { readonly type: "mistaken"; readonly mistakes: readonly string[] };

const postgresPort = 5432;
const form = "Write it as postgres://user:password@host:5432/database";

/**
 * Reads `postgres://user:password@host:port/database?sslmode=…` (or `postgresql://`) into explicit options.
 *
 * Port 5432 and no TLS unless the URL says otherwise, as in both drivers. User and database must be named: left out, each
 * driver would guess another. Everything is percent-decoded.
 */
export function parseDatabaseUrl(text: string): ParsedDatabaseUrl {
  if (!/^postgres(ql)?:\/\//.test(text)) return mistaken(`must begin with postgres:// or postgresql://. ${form}.`);
  const url = URL.canParse(text) ? new URL(text) : null;
  // A password that contains one of these unencoded ends the URL's first part early, and its rest would look like something else.
  if (url === null || url.hash !== "" || url.search.includes("@")) {
    return mistaken(`cannot be read as a URL. ${form}, and percent-encode / ? # @ : % in the password.`);
  }
  const parts = decodeParts(url);
  if (parts === undefined)
    return mistaken("has a % that is not the beginning of a percent-encoded character; write it as %25.");

  const mistakes = mistakesOfParts(parts);
  if (mistakes.length > 0) return mistaken(...mistakes);
  const tls = readTls(url.searchParams);
  if (tls.type === "mistaken") return tls;
  const { host, port, user, password, database } = parts;
  return {
    type: "parsed",
    options: Object.freeze({ host, port, user, password: new Secret(password), database, tls: tls.mode }),
  };
}

function mistaken(...mistakes: string[]): { readonly type: "mistaken"; readonly mistakes: readonly string[] } {
  return { type: "mistaken", mistakes };
}

interface Parts {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

function decodeParts(url: URL): Parts | undefined {
  try {
    return {
      host: decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1"),
      port: url.port === "" ? postgresPort : Number(url.port),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: decodeURIComponent(url.pathname.slice(1)),
    };
  } catch {
    return undefined;
  }
}

function mistakesOfParts({ host, port, user, database }: Parts): string[] {
  const mistakes: string[] = [];
  if (host === "") mistakes.push(`names no host. ${form}.`);
  if (host.includes(",")) mistakes.push("names several hosts; name the one that accepts writes.");
  if (port === 0) mistakes.push("names port 0; name the port that PostgreSQL listens on.");
  if (user === "") mistakes.push(`names no user. ${form}.`);
  if (database === "") mistakes.push(`names no database. ${form}.`);
  return mistakes;
}

/** Reads the one parameter that is understood, and complains about every other by its name, never by its value. */
function readTls(
  params: URLSearchParams,
): { readonly type: "read"; readonly mode: TlsMode } | ReturnType<typeof mistaken> {
  const unknown = [...new Set(params.keys())].filter((name) => name !== "sslmode");
  const mistakes = unknown.map(
    (name) => `has the parameter ${JSON.stringify(name)}, which is not understood; only sslmode is. Remove it.`,
  );
  const values = params.getAll("sslmode");
  const mode = values.length === 0 ? "disable" : tlsModes.find((known) => values.length === 1 && known === values[0]);
  if (mode === undefined) {
    mistakes.push(`has an sslmode that is not understood. Use one of ${tlsModes.join(", ")}.`);
  }
  return mode === undefined || mistakes.length > 0 ? mistaken(...mistakes) : { type: "read", mode };
}

/** The same in the terms of `pg`, the driver of the queue on PostgreSQL. */
export function pgOptions({ host, port, user, password, database, tls }: DatabaseOptions) {
  const ssl = tls === "disable" ? false : { rejectUnauthorized: tls === "verify-full" };
  return { host, port, user, password: password.reveal(), database, ssl };
}
