import type { Fault } from "./fault.ts";

/** PostgreSQL is killed, is away for a moment, and recovers what it had acknowledged. */
export const postgresRestarted: Fault = ({ servers: { postgres } }, { random }) =>
  postgres.restart(random.between(0, 1_500));
