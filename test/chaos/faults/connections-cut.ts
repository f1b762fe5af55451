import type { Fault } from "./fault.ts";

/** All wires of a worker are cut at once, to PostgreSQL and to the queue. */
export const connectionsCut: Fault = async (_world, { worker }) => {
  worker.database.cutAll();
  worker.redis?.cutAll();
};
