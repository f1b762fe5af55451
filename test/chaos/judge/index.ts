import type { RestJudge, SafetyJudge } from "./evidence.ts";
import { refundedOnce } from "./i1-refunded-once.ts";
import { concluded } from "./i2-concluded.ts";
import { callsTookEffect } from "./i3-calls-took-effect.ts";
import { noOrphans } from "./i4-no-orphans.ts";
import { oneEnd } from "./i5-one-end.ts";
import { contractIsItsHistory } from "./i6-contract-is-its-history.ts";
import { oneAtWork } from "./i7-one-at-work.ts";
import { versionsGrow } from "./i8-versions-grow.ts";
import { refusedMeansNothingHappened } from "./i9-refused-means-nothing-happened.ts";
import { eventsOnce } from "./i10-events-once.ts";
import { asAtStripe } from "./i11-as-at-stripe.ts";
import { eachDayOnce } from "./i13-each-day-once.ts";
import { oneMailEach } from "./i14-one-mail-each.ts";
import { keysAndParameters } from "./i15-keys-and-parameters.ts";
import { journaledBeforeSent } from "./i16-journaled-before-sent.ts";
import { withinLimits } from "./i17-within-limits.ts";
import { nothingLeftBehind } from "./i19-nothing-left-behind.ts";
import { restIsRest } from "./i20-rest-is-rest.ts";
import { moneyIsConserved } from "./i21-money-is-conserved.ts";
import { unknownsResolved } from "./i22-unknowns-resolved.ts";

/** What is judged each second while the world is hurt, and once more at rest. */
export const safetyJudges: readonly SafetyJudge[] = [
  refundedOnce,
  oneEnd,
  contractIsItsHistory,
  oneAtWork,
  versionsGrow,
  refusedMeansNothingHappened,
  oneMailEach,
  keysAndParameters,
  journaledBeforeSent,
];

/** What is judged at rest alone. */
export const restJudges: readonly RestJudge[] = [
  concluded,
  callsTookEffect,
  noOrphans,
  eventsOnce,
  asAtStripe,
  eachDayOnce,
  withinLimits,
  nothingLeftBehind,
  restIsRest,
  moneyIsConserved,
  unknownsResolved,
];

/** Invariants of the list that one run cannot show, and why. */
export const notJudged: Readonly<Record<string, string>> = {
  I12: "needs the same events twice, in two orders: test/disorder delivers them in every order",
};
