import type { PlannedContract, Role } from "./planned-contract.ts";
import { type Ask, type Askers, askersOf } from "./planned-request.ts";
import type { Random } from "./random.ts";

/** What is asked for one contract, in this order. */
export type Script = readonly Ask[];

type Write = (askers: Askers, contract: PlannedContract) => Script;

const paid = "入金を確認しました";
const missing = "今月分の振込が確認できません";
const phoned = "お客様から電話で依頼";
const mistaken = "お申し込み間違いとのこと";

/** A customer who cannot decide: reserved and withdrawn by turns, so many times in all. */
const wavering =
  (times: number): Write =>
  ({ owner }) =>
    Array.from({ length: times }, (_, turn) => owner(turn % 2 === 0 ? "reserve_termination" : "withdraw_reservation"));

const suspendedTwice: Write = ({ desk }) => [desk("suspend", missing), desk("suspend", missing), desk("resume", paid)];

const suspendedAndEnded: Write = ({ desk }) => [
  desk("suspend", missing),
  desk("terminate", "二か月連絡がとれないため"),
  desk("resume", paid),
];

const reservedAndSuspended: Write = ({ desk, owner }) => [
  owner("reserve_termination"),
  desk("suspend", missing),
  desk("resume", paid),
  owner("withdraw_reservation"),
];

const bankMonthly: readonly Write[] = [
  suspendedTwice,
  suspendedAndEnded,
  reservedAndSuspended,
  wavering(2),
  wavering(3),
  wavering(5),
  ({ desk, owner }) => [owner("suspend"), desk("suspend", missing), desk("resume", paid, { paidPeriods: [88] })],
  ({ stranger, owner }) => [stranger("reserve_termination"), owner("reserve_termination")],
  ({ desk, owner }) => [
    desk("cancel_with_refund", phoned),
    desk("confirm_payment", paid),
    owner("reserve_termination"),
  ],
  ({ desk, service }) => [service("suspend"), service("resume"), desk("cancel", phoned), service("suspend")],
];

const cardMonthly: readonly Write[] = [
  wavering(1),
  wavering(2),
  wavering(3),
  wavering(4),
  wavering(5),
  ({ desk, owner }) => [desk("suspend", missing), owner("reserve_termination"), owner("withdraw_reservation")],
  ({ desk, owner }) => [desk("cancel", phoned), desk("terminate", phoned), owner("reserve_termination")],
  ({ stranger, owner }) => [
    stranger("reserve_termination"),
    owner("reserve_termination"),
    owner("reserve_termination"),
  ],
];

/** For each role, what may be asked; one of them is chosen for each contract. */
const scriptsByRole: Record<Role, readonly Write[]> = {
  course_unpaid: [
    ({ desk }) => [desk("confirm_payment", paid)],
    ({ desk }) => [desk("confirm_payment", paid), desk("confirm_payment", paid)],
    ({ service, owner }) => [service("confirm_payment"), owner("cancel")],
    // A contradiction: the money comes after the customer has called it off.
    ({ desk, owner }) => [owner("cancel"), desk("confirm_payment", paid)],
    ({ desk }) => [desk("cancel", mistaken)],
    ({ desk, stranger }) => [stranger("cancel"), desk("confirm_payment", paid), desk("suspend", missing)],
  ],
  course_by_bank: [
    ({ desk }) => [desk("cancel_with_refund", phoned)],
    ({ owner }) => [owner("cancel")],
    ({ owner }) => [owner("reserve_termination")],
    ({ desk }) => [desk("terminate", phoned)],
  ],
  course_ahead_by_bank: [
    ({ desk }) => [desk("cancel", mistaken)],
    ({ desk }) => [desk("confirm_payment", paid), desk("cancel_with_refund", phoned)],
  ],
  course_by_card: [
    ({ desk }) => [desk("cancel_with_refund", mistaken)],
    ({ desk }) => [desk("cancel_with_refund", phoned)],
    ({ desk }) => [desk("cancel_with_refund", phoned), desk("cancel_with_refund", phoned)],
    ({ owner, desk }) => [owner("cancel_with_refund"), desk("cancel_with_refund", phoned)],
    ({ desk }) => [desk("confirm_payment", paid)],
    ({ service }) => [service("cancel_with_refund")],
  ],
  course_ahead_by_card: [
    ({ desk }) => [desk("cancel_with_refund", mistaken)],
    ({ desk }) => [desk("cancel", mistaken), desk("cancel_with_refund", mistaken)],
  ],
  course_unpaid_by_card: [
    ({ owner }) => [owner("cancel")],
    ({ desk, owner }) => [desk("confirm_payment", paid), owner("cancel")],
  ],
  course_canceled: [({ desk }) => [desk("confirm_payment", paid)], ({ desk }) => [desk("cancel", phoned)]],
  monthly_unpaid: [
    ({ desk, owner }) => [desk("confirm_payment", paid), owner("reserve_termination"), owner("withdraw_reservation")],
    ({ desk }) => [desk("confirm_payment", paid, { paidPeriods: [0] }), desk("suspend", missing), desk("resume", paid)],
    ({ desk, owner }) => [owner("cancel"), desk("confirm_payment", paid)],
    ({ desk }) => [desk("confirm_payment", paid, { paidPeriods: [40] }), desk("confirm_payment", paid)],
    // The fee has come, the first period has not: it begins suspended.
    ({ desk }) => [desk("confirm_payment", "入会金のみ入金", { paidPeriods: [] }), desk("resume", paid)],
  ],
  monthly: bankMonthly,
  monthly_special: bankMonthly,
  monthly_ahead: [
    ({ desk }) => [desk("cancel", mistaken)],
    ({ desk }) => [desk("cancel", phoned), desk("cancel", phoned)],
    ({ owner, desk }) => [owner("reserve_termination"), desk("cancel", phoned)],
    ({ owner, desk }) => [owner("cancel"), desk("cancel", phoned)],
  ],
  monthly_suspended: [
    ({ desk }) => [desk("resume", paid)],
    ({ desk }) => [desk("terminate", "長期未納のため"), desk("resume", paid)],
    ({ desk }) => [desk("resume", "一部のみ入金", { paidPeriods: [] }), desk("resume", paid)],
    ({ owner, desk }) => [owner("withdraw_reservation"), desk("terminate", "長期未納のため")],
    ({ desk, owner }) => [desk("resume", paid), owner("reserve_termination"), owner("withdraw_reservation")],
  ],
  monthly_reserved: [
    wavering(1),
    ({ owner }) => [owner("withdraw_reservation"), owner("reserve_termination")],
    ({ desk, owner }) => [desk("suspend", missing), desk("resume", paid), owner("withdraw_reservation")],
  ],
  monthly_reserved_by_month: [({ owner }) => [owner("withdraw_reservation")]],
  monthly_suspended_reserved: [({ owner, desk }) => [owner("withdraw_reservation"), desk("resume", paid)]],
  monthly_date_reached: [({ owner }) => [owner("withdraw_reservation")]],
  monthly_by_card: cardMonthly,
  monthly_special_by_card: cardMonthly,
  monthly_ahead_by_card: [
    ({ desk }) => [desk("cancel", mistaken)],
    ({ owner, desk }) => [owner("reserve_termination"), desk("cancel", phoned)],
  ],
  monthly_unpaid_by_card: [({ owner }) => [owner("cancel")], ({ desk }) => [desk("confirm_payment", paid)]],
  monthly_suspended_by_card: [
    ({ desk }) => [desk("terminate", "カード決済の失敗が続いたため")],
    ({ desk }) => [desk("resume", paid), desk("terminate", "カード決済の失敗が続いたため")],
    ({ desk }) => [desk("terminate", "カード決済の失敗が続いたため"), desk("terminate", phoned)],
  ],
  monthly_reserved_by_card: [
    ({ owner }) => [owner("withdraw_reservation")],
    ({ owner }) => [owner("withdraw_reservation"), owner("reserve_termination")],
  ],
  renewing_today: [({ owner }) => [owner("reserve_termination")]],
  ended: [
    ({ desk }) => [desk("resume", paid)],
    ({ owner }) => [owner("withdraw_reservation")],
    ({ desk }) => [desk("suspend", missing)],
    ({ desk }) => [desk("cancel", phoned)],
  ],
};

/** Scripts of contracts whose story is told: those of `stripe-histories.ts`. */
const castScripts: Readonly<Record<string, Write>> = {
  "K-0001": ({ desk }) => [desk("cancel_with_refund", phoned)],
  "K-0002": ({ desk }) => [desk("cancel_with_refund", phoned)],
  "K-0003": ({ desk }) => [desk("cancel_with_refund", phoned)],
  "K-0004": () => [],
  "K-0005": ({ desk }) => [desk("cancel_with_refund", mistaken)],
  "K-0006": ({ desk }) => [desk("terminate", "カード決済の失敗が続いたため")],
  "K-0007": ({ desk }) => [desk("terminate", "カード決済の失敗が続いたため")],
  "K-0008": ({ desk }) => [desk("terminate", "Stripeで終了済みのため")],
  "K-0009": ({ desk }) => [desk("terminate", "Stripeに登録が見つからないため")],
  "K-0010": ({ owner }) => [owner("reserve_termination")],
};

/** What is asked for a contract that is there. */
export function scriptOf(contract: PlannedContract, random: Random, turn: number): Script {
  const write = castScripts[contract.id] ?? random.pick(scriptsByRole[contract.role]);
  return write(askersOf(contract.id, contract.params.customerId, turn), contract);
}
