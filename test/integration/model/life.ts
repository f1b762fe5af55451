/*
 * The life of a monthly contract in a few lines, written from the specification and not from the code. Time goes by half
 * months: the contract renews at every even number, its period 1 begins at 2, and an odd number lies three weeks after a
 * renewal, when Stripe has tried for the last time to collect.
 */

export type Method = "bank_transfer" | "card";
type Status =
  | "awaiting_payment"
  | "active"
  | "termination_reserved"
  | "payment_unconfirmed"
  | "canceled"
  | "terminated"
  | "deleted";

type Payment = "due" | "paid" | "owed_back" | "unpaid" | "never_charged" | "refunded";

export interface Life {
  readonly method: Method;
  time: number;
  status: Status;
  /** The period before which it is reserved to end. */
  endsAt: number | null;
  /** By period. */
  payments: Payment[];
  cardIsGood: boolean;
}

export const asked = [
  "confirm_payment",
  "cancel",
  "suspend",
  "resume",
  "reserve_termination",
  "withdraw_reservation",
  "terminate",
  "refund_payment",
  "delete",
] as const;
export type Asked = (typeof asked)[number];

/** A transfer waits for its payment; a card has paid the first period. */
export function born(method: Method): Life {
  const isCard = method === "card";
  const [status, payments]: [Status, Life["payments"]] = isCard ? ["active", ["paid"]] : ["awaiting_payment", ["due"]];
  return { method, time: 0, status, endsAt: null, payments, cardIsGood: true };
}

const isRunning = ({ status }: Life) => status === "active" || status === "termination_reserved";
const current = ({ time }: Life) => Math.floor(time / 2);

/** The code with which a person's request is refused now; undefined when it is not. */
export function refusalOf(life: Life, kind: Asked, period: number): string | undefined {
  const { status, method, time, endsAt, payments } = life;
  const only = (isAllowed: boolean) => (isAllowed ? undefined : "status_not_allowed");
  if (status === "deleted") return "contract_deleted";
  if (method === "card" && ["confirm_payment", "suspend", "resume"].includes(kind)) return "collected_by_stripe";
  if (kind === "confirm_payment" || kind === "cancel") return only(status === "awaiting_payment");
  if (kind === "suspend") return only(isRunning(life));
  if (kind === "resume" || kind === "terminate") return only(status === "payment_unconfirmed");
  if (kind === "reserve_termination")
    return only(status === "active") ?? (time > 0 && time % 2 === 0 ? "renewal_date_today" : undefined);
  if (kind === "withdraw_reservation")
    return only((isRunning(life) || status === "payment_unconfirmed") && endsAt !== null);
  if (kind === "delete" || payments[period] === "paid") return undefined;
  if (payments[period] === undefined) return "payment_not_found";
  return payments[period] === "refunded" || payments[period] === "owed_back" ? "already_refunded" : "payment_not_paid";
}

/** What a request changes that is not refused. */
export function carryOut(life: Life, kind: Asked, period: number): void {
  if (kind === "confirm_payment" || kind === "resume") payAll(life);
  if (kind === "confirm_payment") life.status = "active";
  if (kind === "resume") runAgain(life);
  if (kind === "suspend") fail(life);
  if (kind === "reserve_termination") reserve(life, current(life) + 1);
  if (kind === "withdraw_reservation") reserve(life, null);
  if (kind === "terminate" || kind === "cancel") end(life);
  if (kind === "cancel") life.status = "canceled";
  // What was transferred a person has to give back.
  if (kind === "refund_payment") life.payments[period] = life.method === "card" ? "refunded" : "owed_back";
  if (kind === "delete")
    Object.assign(life, { status: "deleted", endsAt: null, payments: life.payments.map(givenBack) });
}

/** Half a month goes by, and what its last day brings is done. */
export function passTime(life: Life): void {
  life.time += 1;
  const renews = life.time % 2 === 0;
  if (renews && life.endsAt === current(life)) end(life);
  else if (renews && isRunning(life) && !life.cardIsGood) fail(life);
  else if (renews && isRunning(life)) life.payments[current(life)] = "paid";
  if (!renews && life.method === "card" && life.status === "payment_unconfirmed") {
    if (life.cardIsGood) payAll(life);
    if (life.cardIsGood) runAgain(life);
    else end(life);
  }
}

const isOwed = (payment: Payment) => payment === "due" || payment === "unpaid";
const givenBack = (payment: Payment) => (payment === "paid" ? "refunded" : payment);

function payAll(life: Life): void {
  for (let each = 0; each <= current(life); each += 1) {
    if (isOwed(life.payments[each] ?? "due")) life.payments[each] = "paid";
  }
}

function fail(life: Life): void {
  life.payments[current(life)] = "unpaid";
  life.status = "payment_unconfirmed";
}

function runAgain(life: Life): void {
  life.status = life.endsAt === null ? "active" : "termination_reserved";
}

function reserve(life: Life, endsAt: number | null): void {
  life.endsAt = endsAt;
  if (isRunning(life)) runAgain(life);
}

function end(life: Life): void {
  life.status = "terminated";
  life.endsAt = null;
  life.payments = life.payments.map((payment) => (isOwed(payment) ? "never_charged" : payment));
}
