import type { Change } from "../core/change.ts";
import { followClockOf } from "../core/clock.ts";
import { resourceMissing } from "../core/errors.ts";
import type { StoredInvoice } from "../core/stored.ts";

/**
 * The invoice of this id, or 404. What follows is dated by its clock.
 *
 * @param param the name that the endpoint gives to the id in its refusal
 */
export function invoiceNamed(change: Change, id: string, param: "id" | "invoice"): StoredInvoice {
  const invoice = change.objects.invoice.get(id);
  if (invoice === undefined) throw resourceMissing("invoice", id, param);
  followClockOf(change, invoice.customer);
  return invoice;
}
