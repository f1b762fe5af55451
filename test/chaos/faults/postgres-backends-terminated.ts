import type { Fault } from "./fault.ts";

/** Every connection of the workers is ended by the server, in the middle of a statement or between two. */
export const postgresBackendsTerminated: Fault = async ({ servers: { sql } }) => {
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'keiyaku%'`;
};
