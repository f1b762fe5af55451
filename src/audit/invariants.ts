import { refundedOnce } from "./i1-refunded-once.ts";
import { callsAnswered } from "./i3-calls-answered.ts";
import { contractIsItsHistory } from "./i6-contract-is-its-history.ts";
import { everyChangeIsCounted } from "./i8-every-change-is-counted.ts";
import { eachDayOnce } from "./i13-each-day-once.ts";
import { oneMailEach } from "./i14-one-mail-each.ts";
import { moneyIsConserved } from "./i21-money-is-conserved.ts";
import type { Invariant } from "./invariant.ts";

/** Every invariant, in the order in which they are checked. */
export const invariants: readonly Invariant[] = [
  refundedOnce,
  callsAnswered,
  contractIsItsHistory,
  everyChangeIsCounted,
  eachDayOnce,
  oneMailEach,
  moneyIsConserved,
];
