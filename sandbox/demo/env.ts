import { settingNames } from "../../src/config.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** The demo cannot run with what the environment says. The message says why and what to do. */
export class DemoRefused extends Error {
  override readonly name = "DemoRefused";
}

/**
 * The environment of the demo's worker: everything that is no setting of ours, and settings of the demo's own. Of the
 * caller's settings only REDIS_URL counts.
 */
export function workerEnv(env: Env, servers: ServerAddresses): Env {
  const foreign = Object.entries(env).filter(([name]) => !settingNames.includes(name));
  return { ...Object.fromEntries(foreign), ...demoSettings(env, servers) };
}

export interface StandInAddress {
  readonly url: string;
  readonly secretKey: string;
}

/** Where everything is that the demo has started for its worker. */
export interface ServerAddresses {
  readonly databaseUrl: string;
  readonly stripe: StandInAddress;
}

/** Signs what the stand-in reports. */
export const webhookSecret = "whsec_of_the_demo_and_nobody_else";

/** The settings that the demo works with, for `readConfig`. */
export function demoSettings(env: Env, { databaseUrl, stripe }: ServerAddresses): Env {
  return {
    NODE_ENV: "development",
    DATABASE_URL: databaseUrl,
    ...(isGiven(env.REDIS_URL) ? { REDIS_URL: env.REDIS_URL } : {}),
    STRIPE_SECRET_KEY: stripe.secretKey,
    STRIPE_API_BASE: stripe.url,
    STRIPE_WEBHOOK_SECRETS: webhookSecret,
    BUSINESS_TIME_ZONE: demoZone,
    // Any free ones: two checkouts may show their demos at the same time.
    HTTP_PORT: "0",
    RELAY_PORT: "0",
    SHUTDOWN_TIMEOUT: "5",
  };
}

/** The shop is in Japan, wherever the demo runs. */
export const demoZone = "Asia/Tokyo";

/** Refuses a live key: the demo talks to nobody but its own stand-in, and whoever hands it such a key expects otherwise. */
export function refuseLiveKey(env: Env): void {
  if (!/^[sr]k_live_/.test(env.STRIPE_SECRET_KEY ?? "")) return;
  throw new DemoRefused(
    "STRIPE_SECRET_KEY is a live key. The demo works with a stand-in and never talks to Stripe: unset it and run again.",
  );
}

/** Settings of the caller's that the demo leaves aside, and which somebody may have expected it to use. */
export function unusedSettings(env: Env): readonly string[] {
  return ["DATABASE_URL", "STRIPE_SECRET_KEY", "STRIPE_API_BASE"].filter((name) => isGiven(env[name]));
}

export function isGiven(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}
