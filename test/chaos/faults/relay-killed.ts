import type { Fault } from "./fault.ts";

/** The relay is gone, and Stripe's deliveries fail until it is back. */
export const relayKilled: Fault = async ({ crew }) => crew.relay.process.kill("SIGKILL");
