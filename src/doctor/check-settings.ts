import type { Config } from "../config.ts";
import { type Finding, warning, well } from "./finding.ts";

/** Hosts to which nothing travels over a network. */
const local = /^(localhost|127\..*|::1|\/.*)$/;

/** Tells how the settings were read, and which of them go together badly although each is allowed. */
export function checkSettings(config: Config): readonly Finding[] {
  const { mode, database, queue, stripe, businessTimeZone, http, queueDashboard, mail } = config;
  const facts = {
    mode,
    database: database.type === "embedded" ? "embedded" : `${database.options.host}:${database.options.port}`,
    queue: queue.type,
    stripe: stripe.type,
    businessTimeZone,
    refundCutoffOn: config.moneyPolicy.refundCutoffOn,
    latePayment: config.moneyPolicy.latePayment,
    workerConcurrency: config.workerConcurrency,
    shutdownTimeoutSeconds: config.shutdownTimeoutMs / 1_000,
    traces: config.tracing !== null,
    mail: mail.transport.type === "smtp" ? `${mail.transport.options.host}:${mail.transport.options.port}` : "folder",
  };
  const read = well(
    "settings",
    `Read as ${mode}: data in ${facts.database === "embedded" ? "the embedded PostgreSQL" : `PostgreSQL at ${facts.database}`}, ` +
      `queue on ${queue.type === "redis" ? "Redis" : "PostgreSQL"}, business days in ${businessTimeZone}.`,
    facts,
  );
  return [
    read,
    ...(mode === "production" && stripe.type === "test"
      ? [
          warning(
            "settings",
            "NODE_ENV is production, and the Stripe key is a test key: no money moves.",
            "Set STRIPE_SECRET_KEY to the live key once this installation is to move money.",
          ),
        ]
      : []),
    ...(mode !== "production" && stripe.type === "live"
      ? [
          warning(
            "settings",
            "The Stripe key is a live key, and NODE_ENV is not production: real money moves from a development set-up.",
            "Set NODE_ENV=production, or use a test key.",
          ),
        ]
      : []),
    ...(mode === "production" && mail.transport.type === "folder"
      ? [
          warning(
            "settings",
            "NODE_ENV is production, and SMTP_URL is not set here: whoever sends mail must have it.",
            "Set SMTP_URL, MAIL_FROM and OPERATOR_MAIL for the process that has the role notifications.",
          ),
        ]
      : []),
    ...(database.type === "url" && database.options.tls === "disable" && !local.test(database.options.host)
      ? [
          warning(
            "settings",
            "The connection to PostgreSQL is not encrypted.",
            "Add ?sslmode=verify-full to DATABASE_URL, unless the network between is yours alone.",
          ),
        ]
      : []),
    ...(queueDashboard && !local.test(http.host)
      ? [
          warning(
            "settings",
            `QUEUE_DASHBOARD shows the queues to everybody who reaches ${http.host}:${http.port}.`,
            "Set HTTP_HOST=127.0.0.1, or remove QUEUE_DASHBOARD.",
          ),
        ]
      : []),
  ];
}
