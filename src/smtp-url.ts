import { Secret } from "./secret.ts";

/** A mail server and how to reach it. */
export interface SmtpOptions {
  readonly host: string;
  readonly port: number;
  /** Null for a server that asks for none. */
  readonly login: { readonly user: string; readonly password: Secret } | null;
  /**
   * `always`: from the first byte (`smtps://`). `required`: by STARTTLS, or nothing is sent. `offered`: by STARTTLS where
   * the server offers it. `off`: never.
   */
  readonly tls: "always" | "required" | "offered" | "off";
}

export type ParsedSmtpUrl =
  | { readonly type: "parsed"; readonly options: SmtpOptions }
  /** What is wrong, as the end of a sentence that begins with the variable's name. Quotes nothing that may be secret. */
  | { readonly type: "mistaken"; readonly mistake: string };

const form = "Write it as smtp://user:password@host:587, or smtps://…:465";

/** The addresses on the way to which nobody listens. */
const local = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/**
 * Reads `smtp://user:password@host:port` or `smtps://…`, user and password or neither of them, percent-encoded. Port 587, and
 * 465 with `smtps`, unless the URL says otherwise.
 *
 * With `smtp` the connection goes over to TLS where the server offers that; a password is sent over TLS only, except to
 * this machine. `?tls=off` leaves TLS out, for a server that offers it with a certificate that nobody can check.
 */
export function parseSmtpUrl(text: string): ParsedSmtpUrl {
  if (!/^smtps?:\/\//.test(text)) return mistaken(`must begin with smtp:// or smtps://. ${form}.`);
  const url = URL.canParse(text) ? new URL(text) : null;
  // A password that contains one of these unencoded ends the URL's first part early, and its rest would look like something else.
  if (url === null || url.hash !== "" || url.search.includes("@") || !["", "/"].includes(url.pathname)) {
    return mistaken(`cannot be read as a URL. ${form}, and percent-encode / ? # @ : % in the password.`);
  }
  if (url.hostname === "") return mistaken(`names no host. ${form}.`);
  if ((url.username === "") !== (url.password === "")) {
    return mistaken("must have both a user and a password, or neither.");
  }
  const isOff = url.search === "?tls=off";
  if (url.search !== "" && !isOff)
    return mistaken("has a parameter that is not understood; only tls=off is. Remove it.");
  const isSecure = url.protocol === "smtps:";
  if (isSecure && isOff) return mistaken("says tls=off, and smtps:// is TLS: write smtp://, or remove tls=off.");
  try {
    const host = decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1");
    const login =
      url.username === ""
        ? null
        : { user: decodeURIComponent(url.username), password: new Secret(decodeURIComponent(url.password)) };
    if (login !== null && isOff && !local.test(host)) {
      return mistaken("has a password, which tls=off would send readably. Remove one of them.");
    }
    const port = url.port === "" ? (isSecure ? 465 : 587) : Number(url.port);
    const byStartTls = login !== null && !local.test(host) ? "required" : "offered";
    const tls = isSecure ? "always" : isOff ? "off" : byStartTls;
    return { type: "parsed", options: Object.freeze({ host, port, login, tls }) };
  } catch {
    return mistaken("has a % that is not the beginning of a percent-encoded character; write it as %25.");
  }
}

function mistaken(mistake: string): ParsedSmtpUrl {
  return { type: "mistaken", mistake };
}
