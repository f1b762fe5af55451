/** Every table of the store, a file each, with a sentence for every column. */
export * from "./contracts.ts";
export * from "./customers.ts";
export * from "./erased-operations.ts";
export * from "./keiyaku-schema.ts";
export * from "./licenses.ts";
export * from "./maintenance-runs.ts";
export * from "./notifications.ts";
export * from "./operations.ts";
export * from "./payments.ts";
export * from "./products.ts";
export * from "./refund-hours.ts";
export * from "./refunds.ts";
export * from "./refused-requests.ts";
export * from "./signups.ts";
export * from "./stripe-calls.ts";
export * from "./stripe-events.ts";
export * from "./tombstones.ts";
