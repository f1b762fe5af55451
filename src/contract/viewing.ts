import type { ContractWorld } from "./contract.ts";
import { isRunning } from "./rule.ts";

/**
 * "May view?": the payments whose content the customer may view now. What has been paid for stays viewable as long as its
 * license stands; of a monthly product whose access is `while_running` (月額読み放題) everything is open while the contract
 * runs and its current license stands, and nothing otherwise.
 *
 * The current license is that of the latest period in the history. By card Stripe renews during the day and charges later,
 * so the period before counts until something is recorded of the new one: who has paid is not locked out meanwhile.
 */
export function viewablePayments({
  contract,
  product,
  payments,
  licenses,
}: Pick<ContractWorld, "contract" | "product" | "payments" | "licenses">): readonly string[] {
  const open = licenses.filter(({ revokedBecause }) => revokedBecause === null).map(({ paymentId }) => paymentId);
  if (contract.kind === "one_time" || product.access === "per_period") return open;
  const latest = Math.max(...payments.map(({ period }) => period ?? -1));
  const isCurrentOpen = payments.some(({ id, period }) => period === latest && open.includes(id));
  return isRunning(contract) && isCurrentOpen ? open : [];
}
