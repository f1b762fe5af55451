import { randomFillSync } from "node:crypto";

/** The prefixes that Stripe gives to the ids of the objects imitated here. */
export const ID_PREFIXES = {
  customer: "cus",
  product: "prod",
  price: "price",
  subscription: "sub",
  subscriptionItem: "si",
  invoice: "in",
  invoiceItem: "ii",
  invoiceLine: "il",
  invoicePayment: "inpay",
  paymentIntent: "pi",
  charge: "ch",
  refund: "re",
  dispute: "du",
  event: "evt",
  paymentMethod: "pm",
  testClock: "clock",
  webhookEndpoint: "we",
  balanceTransaction: "txn",
  request: "req",
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** As long as the tail of Stripe's own ids. */
const TAIL_LENGTH = 24;

/** Random bytes are drawn for 256 ids at a time: a draw costs a system call, and a bench asks for many ids. */
const pool = Buffer.alloc(TAIL_LENGTH * 256);
let used = pool.length;

/** A new random id with the prefix of its kind. Random rather than counted, so that a restart needs no counter. */
export function newId(kind: IdKind): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  let tail = "";
  for (const byte of pool.subarray(used, used + TAIL_LENGTH)) tail += ALPHABET[byte % ALPHABET.length];
  used += TAIL_LENGTH;
  return `${ID_PREFIXES[kind]}_${tail}`;
}
