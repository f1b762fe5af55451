import { z } from "zod";

/** Which deliveries a rule meets: the next `times` events of these types, for each endpoint that wants them. */
const matching = {
  /** By default every type. */
  types: z.array(z.string().min(1)).min(1).optional(),
  times: z.int().positive().default(1),
};

export const disturbanceSchema = z.discriminatedUnion("mode", [
  /** Never attempted: only the list of events tells of it. */
  z.strictObject({ mode: z.literal("lose"), ...matching }),
  /** Attempted so much later, on the stand-in's own clock. */
  z.strictObject({ mode: z.literal("delay"), seconds: z.int().positive(), ...matching }),
  /** Delivered once more, or as often as `copies` says. */
  z.strictObject({ mode: z.literal("duplicate"), copies: z.int().positive().default(1), ...matching }),
  /** Signed with a secret that the endpoint does not have. */
  z.strictObject({ mode: z.literal("sign_wrongly"), ...matching }),
  /** Signed rightly, with a moment so long ago. */
  z.strictObject({ mode: z.literal("sign_stale"), seconds: z.int().positive(), ...matching }),
]);

/** A rule as it is given; what has a default may be left out. */
export type DisturbanceRule = z.input<typeof disturbanceSchema>;

export type Disturbance = z.output<typeof disturbanceSchema>;

/** The disturbances to come. An event meets at most one: that of the oldest rule that matches it. */
export class Disturbances {
  #rules: { readonly rule: Disturbance; times: number }[] = [];

  add(rule: Disturbance): void {
    this.#rules.push({ rule, times: rule.times });
  }

  /** The disturbance for an event of this type, counted as used. */
  take(type: string): Disturbance | undefined {
    const met = this.#rules.find(({ rule }) => rule.types === undefined || rule.types.includes(type));
    if (met === undefined) return undefined;
    met.times -= 1;
    this.#rules = this.#rules.filter(({ times }) => times > 0);
    return met.rule;
  }

  clear(): void {
    this.#rules = [];
  }
}
