import { z } from "zod";
import { type BusinessMonth, parseInstant } from "./calendar.ts";
import {
  contractKinds,
  contractOrigins,
  contractStatuses,
  paymentMethods,
  paymentSubjects,
  productAccesses,
  reservationSources,
} from "./contract.ts";
import { businessDateSchema, idPattern } from "./operation.ts";

/** The largest amount that Stripe takes in any currency has twelve digits. */
const amountMinorMax = 999_999_999_999;

const id = z.string().regex(idPattern, "must be 1 to 64 letters, digits, '.', '_' or '-'");
const amountMinor = z.int().min(0).max(amountMinorMax);
const stripeId = z.string().min(1).max(255);
const instant = z.iso.datetime({ offset: true }).transform(parseInstant);
const month = z
  .string()
  .regex(/^\d{4}-(0[1-9]|1[0-2])$/, "must be a month of the form YYYY-MM")
  .transform((text) => text as BusinessMonth);

/** A product as `register` or an import file brings it. */
export const productSchema = z.strictObject({
  id,
  kind: z.enum(contractKinds),
  access: z.enum(productAccesses).default("per_period"),
  priceMinor: amountMinor,
  automaticTerminationMonth: month.nullable().default(null),
});

/** A customer as `register` or an import file brings it: the only personal data that keiyaku keeps. */
export const customerSchema = z.strictObject({
  id,
  email: z.email().max(320),
  name: z.string().min(1).max(200),
  locale: z.enum(["ja", "en"]).default("ja"),
});

const paymentSchema = z.strictObject({
  subject: z.enum(paymentSubjects),
  period: z.int().min(0).max(1_200).optional(),
  amountMinor: amountMinor.optional(),
  paidAt: instant,
  stripePaymentIntentId: stripeId.optional(),
  stripeInvoiceId: stripeId.optional(),
});

const stateSchema = z.strictObject({
  status: z.enum(contractStatuses),
  reservation: z
    .strictObject({ terminationOn: businessDateSchema, terminationSource: z.enum(reservationSources) })
    .optional(),
  unpaidPeriods: z.array(z.int().min(0).max(1_200)).max(600).optional(),
  endedAt: instant.optional(),
});

/**
 * The parameters of `register`: the terms of the contract, what has been paid for it so far, and, for one that is brought
 * over from another system, the state in which it stands there.
 */
export const registerParams = z.strictObject({
  productId: id,
  customerId: id,
  product: productSchema.optional(),
  customer: customerSchema.optional(),
  kind: z.enum(contractKinds),
  paymentMethod: z.enum(paymentMethods),
  origin: z.enum(contractOrigins).default("application"),
  currency: z.literal("jpy").default("jpy"),
  priceMinor: amountMinor,
  initialFeeMinor: amountMinor.default(0),
  specialPriceMinor: amountMinor.optional(),
  specialMonths: z.int().min(0).max(120).default(0),
  startOn: businessDateSchema,
  stripe: z
    .strictObject({
      customerId: stripeId,
      subscriptionId: stripeId.optional(),
      paymentIntentId: stripeId.optional(),
    })
    .optional(),
  signup: z.strictObject({ appliedAt: instant, channel: z.string().min(1).max(64) }).optional(),
  payments: z.array(paymentSchema).max(1_300).default([]),
  state: stateSchema.optional(),
});
export type RegisterParams = z.output<typeof registerParams>;
