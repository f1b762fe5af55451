import { type OperationKind, operationKinds, requestingActorTypes } from "../operation.ts";
import type { Rule } from "../rule.ts";
import { cancel } from "./cancel.ts";
import { cancelManualRefund } from "./cancel-manual-refund.ts";
import { cancelWithRefund } from "./cancel-with-refund.ts";
import { confirmPayment } from "./confirm-payment.ts";
import { deleteContract } from "./delete.ts";
import { endSpecialPeriod } from "./end-special-period.ts";
import { recordDispute } from "./record-dispute.ts";
import { recordManualRefund } from "./record-manual-refund.ts";
import { recordPayment } from "./record-payment.ts";
import { recordPaymentFailure } from "./record-payment-failure.ts";
import { recordRefund } from "./record-refund.ts";
import { recordSubscriptionChange } from "./record-subscription-change.ts";
import { recordSubscriptionEnd } from "./record-subscription-end.ts";
import { refundPayment } from "./refund-payment.ts";
import { register } from "./register.ts";
import { releaseByProductMonth } from "./release-by-product-month.ts";
import { renew } from "./renew.ts";
import { replaceSubscription } from "./replace-subscription.ts";
import { reserveByProductMonth } from "./reserve-by-product-month.ts";
import { reserveTermination } from "./reserve-termination.ts";
import { resume } from "./resume.ts";
import { start } from "./start.ts";
import { suspend } from "./suspend.ts";
import { terminate } from "./terminate.ts";
import { terminateAtRenewal } from "./terminate-at-renewal.ts";
import { waiveRefund } from "./waive-refund.ts";
import { withdrawReservation } from "./withdraw-reservation.ts";

/** The rule of every kind. A kind without a rule, or a rule under another kind's name, does not compile or start. */
export const rules = {
  register,
  cancel,
  cancel_manual_refund: cancelManualRefund,
  cancel_with_refund: cancelWithRefund,
  confirm_payment: confirmPayment,
  suspend,
  resume,
  reserve_termination: reserveTermination,
  withdraw_reservation: withdrawReservation,
  terminate,
  delete: deleteContract,
  refund_payment: refundPayment,
  record_manual_refund: recordManualRefund,
  waive_refund: waiveRefund,
  replace_subscription: replaceSubscription,
  start,
  terminate_at_renewal: terminateAtRenewal,
  end_special_period: endSpecialPeriod,
  renew,
  reserve_by_product_month: reserveByProductMonth,
  release_by_product_month: releaseByProductMonth,
  record_payment: recordPayment,
  record_payment_failure: recordPaymentFailure,
  record_subscription_change: recordSubscriptionChange,
  record_subscription_end: recordSubscriptionEnd,
  record_refund: recordRefund,
  record_dispute: recordDispute,
} as const satisfies Record<OperationKind, unknown>;

/** The rule of a kind, its parameters' type forgotten: they are parsed by the rule's own schema before it is asked. */
export function ruleOf(kind: OperationKind): Rule {
  return rules[kind] as unknown as Rule;
}

/** The kinds that a person or a service may ask for, in the order of the specification: the others come through no door. */
export const requestableKinds: readonly OperationKind[] = operationKinds.filter((kind) =>
  requestingActorTypes.some((type) => ruleOf(kind).actors.includes(type)),
);

/** What still can be asked of a contract that has been deleted, and so is left waiting behind the deletion. */
export const kindsAfterDeletion: readonly OperationKind[] = operationKinds.filter((kind) => {
  const rule = ruleOf(kind);
  return rule.subject === "contract" && rule.nextAfterDeletion !== undefined;
});
