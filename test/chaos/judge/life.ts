/*
 * A contract's life as the specification tells it, once more and in other words than the program's: which steps each kind of
 * operation may make. A place is a status, with a star where a reservation stands.
 */

const running = ["active", "special_period", "termination_reserved*"] as const;
const plain = ["active", "special_period"] as const;
const everywhere = [
  "awaiting_payment",
  "not_started",
  "established",
  ...running,
  "payment_unconfirmed",
  "payment_unconfirmed*",
  "canceled",
  "terminated",
] as const;
export type Place = (typeof everywhere)[number];

type Steps = Readonly<Partial<Record<Place | "nowhere", readonly Place[]>>>;

function from(places: readonly Place[], to: readonly Place[]): Steps {
  return Object.fromEntries(places.map((place) => [place, to]));
}

/** May leave every place as it is. */
const stays: Steps = Object.fromEntries(everywhere.map((place) => [place, [place]]));

function also(...parts: readonly Steps[]): Steps {
  const steps: Partial<Record<Place | "nowhere", readonly Place[]>> = {};
  for (const part of parts) {
    for (const [place, to] of Object.entries(part)) {
      const known = steps[place as Place] ?? [];
      steps[place as Place] = [...new Set([...known, ...to])];
    }
  }
  return steps;
}

const oncePaid = ["not_started", "established", ...plain, "payment_unconfirmed"] as const;
const unconfirmed = ["payment_unconfirmed", "payment_unconfirmed*"] as const;

export const life: Readonly<Record<string, Steps>> = {
  register: { nowhere: everywhere },
  cancel: from(["awaiting_payment", "not_started"], ["canceled"]),
  cancel_manual_refund: from(["established", "not_started"], ["canceled"]),
  cancel_with_refund: from(["established", "not_started"], ["canceled"]),
  confirm_payment: from(["awaiting_payment"], oncePaid),
  suspend: also(from(plain, ["payment_unconfirmed"]), from(["termination_reserved*"], ["payment_unconfirmed*"])),
  resume: also(from(["payment_unconfirmed"], plain), from(["payment_unconfirmed*"], ["termination_reserved*"])),
  reserve_termination: from(plain, ["termination_reserved*"]),
  withdraw_reservation: also(
    from(["termination_reserved*"], plain),
    from(["payment_unconfirmed*"], ["payment_unconfirmed"]),
  ),
  terminate: from(unconfirmed, ["terminated"]),
  refund_payment: stays,
  record_manual_refund: stays,
  waive_refund: stays,
  replace_subscription: stays,
  start: from(["not_started"], ["established", ...plain, "termination_reserved*"]),
  terminate_at_renewal: from(["termination_reserved*", "payment_unconfirmed*"], ["terminated"]),
  end_special_period: from(["special_period"], ["active"]),
  renew: from(running, running),
  reserve_by_product_month: also(from(running, ["termination_reserved*"]), from(unconfirmed, ["payment_unconfirmed*"])),
  release_by_product_month: also(
    from(["termination_reserved*"], [...plain, "termination_reserved*"]),
    from(["payment_unconfirmed*"], unconfirmed),
  ),
  record_payment: also(
    stays,
    from(["awaiting_payment"], oncePaid),
    from(["payment_unconfirmed"], [...plain, "not_started"]),
    from(["payment_unconfirmed*"], ["termination_reserved*", "not_started"]),
  ),
  record_payment_failure: also(
    stays,
    from(["not_started", ...plain], ["payment_unconfirmed"]),
    from(["termination_reserved*"], ["payment_unconfirmed*"]),
  ),
  record_subscription_change: also(
    stays,
    from(["awaiting_payment", "not_started"], ["payment_unconfirmed", "canceled", "not_started", "awaiting_payment"]),
    from(plain, ["termination_reserved*", "payment_unconfirmed", "payment_unconfirmed*", "terminated"]),
    from(["termination_reserved*"], [...plain, ...unconfirmed, "terminated"]),
    from(unconfirmed, [...unconfirmed, "terminated"]),
  ),
  record_subscription_end: also(
    stays,
    from(["awaiting_payment", "not_started"], ["canceled"]),
    from([...running, ...unconfirmed], ["terminated", "canceled"]),
  ),
  record_refund: stays,
  record_dispute: stays,
};

/** All the places where these operations, one after the other, may have led; none where some step is not allowed. */
export function follow(
  operations: readonly { readonly kind: string; readonly isSuperseded: boolean }[],
): ReadonlySet<Place | "nowhere"> {
  let places: ReadonlySet<Place | "nowhere"> = new Set(["nowhere" as const]);
  for (const { kind, isSuperseded } of operations) {
    if (isSuperseded) continue;
    places = new Set([...places].flatMap((place) => life[kind]?.[place] ?? []));
  }
  return places;
}
