import type { OperationKind } from "../operation.ts";
import type { Rule } from "../rule.ts";
import { cancel } from "./cancel.ts";
import { cancelWithRefund } from "./cancel-with-refund.ts";
import { confirmPayment } from "./confirm-payment.ts";
import { register } from "./register.ts";
import { reserveTermination } from "./reserve-termination.ts";
import { resume } from "./resume.ts";
import { suspend } from "./suspend.ts";
import { terminate } from "./terminate.ts";
import { withdrawReservation } from "./withdraw-reservation.ts";

/** The rule of every kind. A kind without a rule, or a rule under another kind's name, does not compile or start. */
export const rules = {
  register,
  cancel,
  cancel_with_refund: cancelWithRefund,
  confirm_payment: confirmPayment,
  suspend,
  resume,
  reserve_termination: reserveTermination,
  withdraw_reservation: withdrawReservation,
  terminate,
} as const satisfies Record<OperationKind, unknown>;

/** The rule of a kind, its parameters' type forgotten: they are parsed by the rule's own schema before it is asked. */
export function ruleOf(kind: OperationKind): Rule {
  return rules[kind] as unknown as Rule;
}
