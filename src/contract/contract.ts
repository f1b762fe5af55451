import type { BusinessDate, BusinessMonth, Instant } from "./calendar.ts";

/*
 * A contract (契約) is one customer's purchase of one product. Its life, told once:
 *
 * It is registered as `awaiting_payment` (決済待ち), or further along when it has been paid already. Its payment makes it
 * `not_started` (契約開始前) while the start date lies ahead, `established` (契約成立) for good if it is bought once, and
 * `special_period` (特別期間) or `active` (契約継続中) if it is monthly. A missing payment suspends a running contract:
 * `payment_unconfirmed` (決済未確認); the payment brings it back. A running contract may reserve its termination for the
 * next renewal date, `termination_reserved` (解約予約), and withdraw that before the date comes. It ends as `canceled`
 * (キャンセル), called off before or instead of running, or as `terminated` (解約), a monthly contract that ended. Both are
 * final: nothing leaves them.
 *
 * Each arrow is drawn by the rule of one kind of operation, in `operations/`.
 */

export const contractKinds = ["one_time", "monthly"] as const;
export type ContractKind = (typeof contractKinds)[number];

/** Who collects the money: Stripe (`card`), or a person who confirms it (`bank_transfer`, `other`). */
export const paymentMethods = ["card", "bank_transfer", "other"] as const;
export type PaymentMethod = (typeof paymentMethods)[number];

/** Where the contract came from: the customer's application, or an operator's hand (never paid by card). */
export const contractOrigins = ["application", "operator"] as const;
export type ContractOrigin = (typeof contractOrigins)[number];

export const contractStatuses = [
  "awaiting_payment",
  "not_started",
  "established",
  "active",
  "special_period",
  "termination_reserved",
  "payment_unconfirmed",
  "canceled",
  "terminated",
] as const;
export type ContractStatus = (typeof contractStatuses)[number];

/** What the operators' page calls each status. */
export const statusNamesJa: Record<ContractStatus, string> = {
  awaiting_payment: "決済待ち",
  not_started: "契約開始前",
  established: "契約成立",
  active: "契約継続中",
  special_period: "特別期間",
  termination_reserved: "解約予約",
  payment_unconfirmed: "決済未確認",
  canceled: "キャンセル",
  terminated: "解約",
};

/** A running contract is monthly, paid, and inside one of its periods. */
export const runningStatuses = ["active", "special_period", "termination_reserved"] as const;

/** Statuses that nothing leaves. */
export const finalStatuses = ["canceled", "terminated"] as const;

/** Who made a reservation. One made `by product month` cannot be withdrawn; one made at Stripe is mirrored. */
export const reservationSources = ["person", "product_month", "stripe"] as const;
export type ReservationSource = (typeof reservationSources)[number];
/** The sources behind which somebody's wish stands. */
export type AskedReservationSource = Exclude<ReservationSource, "product_month">;

/** The one currency in which contracts are made, as Stripe writes it. It has no minor unit: ¥1,980 is `1980`. */
export const onlyCurrency = "jpy";

/** Terms and state of one contract, as the store keeps them. Amounts are integers in the currency's minor unit. */
export interface Contract {
  readonly id: string;
  readonly productId: string;
  readonly customerId: string;
  readonly kind: ContractKind;
  readonly paymentMethod: PaymentMethod;
  readonly origin: ContractOrigin;
  readonly status: ContractStatus;
  readonly currency: string;
  readonly priceMinor: number;
  readonly initialFeeMinor: number;
  /** The price of the first `specialMonths` periods; null when there is no special period. */
  readonly specialPriceMinor: number | null;
  readonly specialMonths: number;
  readonly startOn: BusinessDate;
  /** The renewal date on which the contract is reserved to end; null when nothing is reserved. */
  readonly terminationOn: BusinessDate | null;
  readonly terminationSource: ReservationSource | null;
  /**
   * Of a reservation by product month: who else wants the contract to end on that date. Theirs stands again once the
   * product's month no longer reaches it. Null where nobody does, and for every other reservation.
   */
  readonly terminationAskedBy: AskedReservationSource | null;
  /**
   * Where a person collects by the month: the first day of the period after the last one that the history settles. From
   * it on periods are to be recorded. Null for every other contract.
   */
  readonly renewalDueOn: BusinessDate | null;
  /** When it was registered: what its history lacks from before was never told, and is not made up. */
  readonly createdAt: Instant;
  /** When it was canceled or terminated, by Stripe's clock where its subscription ended with it; null before. */
  readonly endedAt: Instant | null;
  readonly stripeCustomerId: string | null;
  /** `card`, `monthly`: the subscription that bills it now. */
  readonly stripeSubscriptionId: string | null;
  /** Subscriptions that billed it before, oldest first. They bring only payments and refunds from then on. */
  readonly formerStripeSubscriptionIds: readonly string[];
  /** `card`, `one_time`: the payment intent that pays it. */
  readonly stripePaymentIntentId: string | null;
  /** Grows by one with every change of the contract or of a row that belongs to it. */
  readonly version: number;
}

export const paymentSubjects = ["initial_fee", "one_time_price", "period"] as const;
export type PaymentSubject = (typeof paymentSubjects)[number];

export const paymentStates = ["due", "paid", "unpaid", "never_charged", "refunded"] as const;
export type PaymentState = (typeof paymentStates)[number];

/** What became of a dispute (チャージバック) of a payment: still open, won by the platform, or lost to the customer's bank. */
export const disputeStates = ["open", "won", "lost"] as const;
export type DisputeState = (typeof disputeStates)[number];

/** One row of the purchase history: the initial fee, the one-time price, or one period's fee. */
export interface Payment {
  readonly id: string;
  readonly subject: PaymentSubject;
  /** The period's index for `period`, null otherwise. */
  readonly period: number | null;
  readonly amountMinor: number;
  readonly state: PaymentState;
  /** Set exactly while the state is `paid` or `refunded`. */
  readonly paidAt: Instant | null;
  /** Rows of one invoice share its payment intent. Null for money that did not come through Stripe. */
  readonly stripePaymentIntentId: string | null;
  readonly stripeInvoiceId: string | null;
  /** Null while nobody has disputed it. One lost in a dispute can no longer be refunded. */
  readonly dispute: DisputeState | null;
}

/**
 * The states of a refund. By card: `due` (written before Stripe is asked, or refused by it: owed) → `pending` or
 * `requires_action` → `succeeded`, `failed` or `canceled`. By hand: `manual_due` → `manual_done`. `waived` ends either.
 */
export const refundStates = [
  "due",
  "pending",
  "requires_action",
  "succeeded",
  "failed",
  "canceled",
  "manual_due",
  "manual_done",
  "waived",
] as const;
export type RefundState = (typeof refundStates)[number];

/** Refunds in these states are money given back or on its way: what is pending counts as refunded. */
export const effectiveRefundStates = [
  "pending",
  "requires_action",
  "succeeded",
  "manual_done",
] as const satisfies readonly RefundState[];

/** Refunds in these states are money that somebody still has to give back, unless a later refund has taken their place. */
export const owedRefundStates = ["due", "failed", "canceled", "manual_due"] as const satisfies readonly RefundState[];

export interface Refund {
  readonly id: string;
  readonly paymentId: string;
  readonly amountMinor: number;
  readonly state: RefundState;
  readonly stripeRefundId: string | null;
  /** The intent whose charge it gives back; null for money that did not come through Stripe. */
  readonly stripePaymentIntentId: string | null;
  /** The later refund that was made in its place after it had failed; null while it counts itself. */
  readonly supersededBy: string | null;
}

export const licenseRevocations = ["suspended", "refunded", "canceled"] as const;
export type LicenseRevocation = (typeof licenseRevocations)[number];

/** Opens content to the customer. One per payment of a price or a period, and so known by its payment's id. */
export interface License {
  readonly paymentId: string;
  readonly revokedBecause: LicenseRevocation | null;
}

export const productAccesses = ["per_period", "while_running"] as const;
export type ProductAccess = (typeof productAccesses)[number];

export interface Product {
  readonly id: string;
  readonly kind: ContractKind;
  /** `while_running`: opens only while the contract runs; `per_period`: what was paid stays viewable. */
  readonly access: ProductAccess;
  readonly priceMinor: number;
  /** The month in which contracts of this product end by themselves (商品の年月指定による自動解約); null: never. */
  readonly automaticTerminationMonth: BusinessMonth | null;
  /** Since when that month stands, or none does. */
  readonly automaticTerminationMonthSetAt: Instant;
  /** Grows by one with every update. */
  readonly version: number;
}

/** One contract with every row that belongs to it and a rule may read. */
export interface ContractWorld {
  readonly contract: Contract;
  readonly product: Product;
  readonly payments: readonly Payment[];
  readonly refunds: readonly Refund[];
  readonly licenses: readonly License[];
}

/** What became of one payment when its contract was deleted, or when its money came after that. */
export interface BuriedPayment {
  readonly paymentId: string;
  readonly subject: PaymentSubject | "unknown";
  readonly period: number | null;
  readonly amountMinor: number;
  readonly paidAt: Instant;
  readonly stripePaymentIntentId: string | null;
  readonly result: BurialResult;
  /** The refund that was made of it, or is owed; null where there is none. */
  readonly refundId: string | null;
}

/**
 * `refunded`, `refund_pending`, `refunded_before` (by somebody else, or earlier); `refund_owed` (Stripe refused);
 * `refund_owed_by_hand`; `lost_in_dispute` (the customer's bank has taken it back); `before_cutoff` (made before refunds
 * existed: kept); `kept` (late money that is kept by setting); `in_doubt` (it names nothing at Stripe, and money that only
 * Stripe knew of was refunded, which may be the same: a person decides).
 */
export const burialResults = [
  "refunded",
  "refund_pending",
  "refunded_before",
  "refund_owed",
  "refund_owed_by_hand",
  "lost_in_dispute",
  "before_cutoff",
  "kept",
  "in_doubt",
] as const;
export type BurialResult = (typeof burialResults)[number];

/** What remains of a deleted contract: no name, no free text; enough to recognise late money and what is still owed. */
export interface Tombstone {
  readonly contractId: string;
  /** Kept only while a refund by hand is owed to them. */
  readonly customerId: string | null;
  /** Its customer, subscriptions, invoices and payment intents at Stripe. */
  readonly stripeIds: readonly string[];
  readonly payments: readonly BuriedPayment[];
  /** The refunds that were not settled when it was deleted, or were made since. */
  readonly refunds: readonly Refund[];
  readonly deletedAt: Instant;
  /** Grows by one with every change. */
  readonly version: number;
}

/** Whether a status is one of a list, narrowing it. */
export function isOneOf<const T extends string>(value: string, list: readonly T[]): value is T {
  return (list as readonly string[]).includes(value);
}
