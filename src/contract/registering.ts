import { z } from "zod";
import { type BusinessMonth, type Instant, instantPattern, monthPattern, parseInstant } from "./calendar.ts";
import {
  contractKinds,
  contractOrigins,
  contractStatuses,
  onlyCurrency,
  paymentMethods,
  paymentSubjects,
  productAccesses,
  reservationSources,
} from "./contract.ts";
import { businessDateSchema, idPattern } from "./operation.ts";

/** The largest amount that Stripe takes in any currency has twelve digits. */
const amountMinorMax = 999_999_999_999;

const id = z
  .string()
  .regex(idPattern, "must be 1 to 64 letters, digits, '.', '_' or '-'")
  .describe("1 to 64 letters, digits, '.', '_' or '-'.");
const amountMinor = z
  .int()
  .min(0)
  .max(amountMinorMax)
  .describe("An amount in the currency's minor unit; the yen has none, so 1980 is ¥1,980.");
const stripeId = z.string().min(1).max(255).describe("An id of Stripe's.");
const instant = z.iso
  .datetime({ offset: true })
  .regex(instantPattern, "must lie in the years 1900 to 2999")
  .describe("A moment as ISO 8601 with its zone, such as 2024-10-08T10:00:00+09:00.")
  .transform((text, context): Instant => {
    try {
      return parseInstant(text);
    } catch {
      // The form allows more than nine digits of a second, which no clock of ours tells.
      context.addIssue({ code: "custom", message: "must have at most nine digits of a second" });
      return z.NEVER;
    }
  });
const month = z
  .string()
  .regex(monthPattern, "must be a month of the form YYYY-MM, from 1900 to 2999")
  .describe("A month of the form YYYY-MM.")
  .transform((text) => text as BusinessMonth);
const period = z.int().min(0).max(1_200).describe("A period of a monthly contract, counted from 0.");

/** A product as `register` or an import file brings it. */
export const productSchema = z.strictObject({
  id,
  kind: z.enum(contractKinds),
  access: z
    .enum(productAccesses)
    .describe("`per_period`: what was paid stays viewable; `while_running`: opens only while the contract runs.")
    .default("per_period"),
  priceMinor: amountMinor,
  automaticTerminationMonth: month
    .nullable()
    .describe("The month, of the form YYYY-MM, in which contracts of this product end by themselves; null: never.")
    .default(null),
});

/** A customer as `register` or an import file brings it: the only personal data that keiyaku keeps. */
export const customerSchema = z.strictObject({
  id,
  email: z.email().max(320),
  name: z.string().min(1).max(200),
  locale: z.enum(["ja", "en"]).describe("The language of their mail.").default("ja"),
});

const paymentSchema = z.strictObject({
  subject: z.enum(paymentSubjects),
  period: period.optional().describe("The period, counted from 0, for the subject `period`; left out otherwise."),
  amountMinor: amountMinor
    .optional()
    .describe("What was paid, in the minor unit; the price by the terms when left out."),
  paidAt: instant,
  stripePaymentIntentId: stripeId.optional().describe("The payment intent at Stripe that paid it: pi_…."),
  stripeInvoiceId: stripeId.optional().describe("The invoice at Stripe that it was a line of: in_…."),
});

const stateSchema = z.strictObject({
  status: z.enum(contractStatuses),
  reservation: z
    .strictObject({ terminationOn: businessDateSchema, terminationSource: z.enum(reservationSources) })
    .optional(),
  unpaidPeriods: z.array(period).max(600).optional(),
  endedAt: instant.optional(),
});

/**
 * The parameters of `register`: the terms of the contract, what has been paid for it so far, and, for one that is brought
 * over from another system, the state in which it stands there.
 */
export const registerParams = z.strictObject({
  productId: id,
  customerId: id,
  product: productSchema.optional().describe("The product, if it may be unknown; one that is known is left as it is."),
  customer: customerSchema
    .optional()
    .describe("The customer, if they may be unknown; one who is known is left as they are."),
  kind: z.enum(contractKinds),
  paymentMethod: z.enum(paymentMethods),
  origin: z
    .enum(contractOrigins)
    .describe("Who made the contract; an operator's is never paid by card.")
    .default("application"),
  currency: z.literal(onlyCurrency).default(onlyCurrency),
  priceMinor: amountMinor,
  initialFeeMinor: amountMinor.default(0),
  specialPriceMinor: amountMinor
    .optional()
    .describe("The price in the special months, in the minor unit; `monthly` only."),
  specialMonths: z
    .int()
    .min(0)
    .max(120)
    .describe("For how many renewals the special price holds; goes with specialPriceMinor.")
    .default(0),
  startOn: businessDateSchema,
  stripe: z
    .strictObject({
      customerId: stripeId,
      subscriptionId: stripeId.optional(),
      paymentIntentId: stripeId.optional(),
    })
    .optional()
    .describe("For `card` only: the customer, and the subscription (`monthly`) or the payment intent (`one_time`)."),
  signup: z.strictObject({ appliedAt: instant, channel: z.string().min(1).max(64) }).optional(),
  payments: z.array(paymentSchema).max(1_300).describe("What has been paid so far.").default([]),
  state: stateSchema.optional().describe("How a contract that is brought over from another system stands there."),
});
export type RegisterParams = z.output<typeof registerParams>;
