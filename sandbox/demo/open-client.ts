import { type Client, createClient } from "../../src/client.ts";
import type { Closing } from "./closing.ts";
import { isGiven } from "./env.ts";

export interface ClientOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly servers: { readonly databaseUrl: string };
  readonly closing: Closing;
}

/** Opens the client by which the shop asks for everything. */
export async function openClient({ env, servers, closing }: ClientOptions): Promise<Client> {
  const timeoutMs = 15_000;
  const client = isGiven(env.REDIS_URL)
    ? createClient({ redisUrl: env.REDIS_URL, timeoutMs })
    : createClient({ databaseUrl: servers.databaseUrl, timeoutMs });
  await closing.add(() => client.close());
  return client;
}
