import type { EventEmitter } from "node:events";
import { createPostgresBackend } from "bullmq";

type ClientClass = new (config: unknown) => EventEmitter;

/** What is written to here, of BullMQ's connection and the driver's pool: neither types it. */
interface Connection {
  readonly pool: { Client: ClientClass };
  pgModule: { readonly Client: ClientClass };
}

/**
 * BullMQ's backend on PostgreSQL, with connections whose loss ends no process.
 *
 * The driver tells of a lost connection by an `error` event, and Node ends a process in which nobody listens to one. BullMQ
 * leaves its clients without a listener three times: while the schema is checked on a new connection, between the connection
 * of the client that listens and its listener, and when that client is closed. Whoever was waiting for the connection
 * learns of its loss by their query, which fails; so an `error` without a listener is dropped.
 */
export const createGuardedPostgresBackend: typeof createPostgresBackend = (...given) => {
  const backend = createPostgresBackend(...given);
  const connection = backend.connection as unknown as Connection;
  const Client = guarded(connection.pgModule.Client);
  // Nothing is connected yet: both make their clients when the first is asked for.
  connection.pool.Client = Client;
  connection.pgModule = Object.create(connection.pgModule, { Client: { value: Client } });
  return backend;
};

function guarded(Client: ClientClass): ClientClass {
  return class extends Client {
    override emit(event: string | symbol, ...args: unknown[]): boolean {
      return (event !== "error" || this.listenerCount(event) > 0) && super.emit(event, ...args);
    }
  };
}
