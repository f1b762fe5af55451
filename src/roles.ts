/**
 * What a process of ours can do, in the order in which it begins: `operations` carries out operations, `catalog` keeps
 * products and customers up to date, `events` makes operations of what Stripe reports, `notifications` sends mail, `maintenance`
 * has done what each date brings, `relay` answers Stripe's webhooks, `api` answers over HTTP. Each is started by a file of its own in `workers/`.
 */
export const roleNames = ["operations", "catalog", "events", "notifications", "maintenance", "relay", "api"] as const;
export type RoleName = (typeof roleNames)[number];
