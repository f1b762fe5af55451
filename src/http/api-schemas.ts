import { z } from "zod";
import {
  burialResults,
  contractKinds,
  contractOrigins,
  contractStatuses,
  disputeStates,
  licenseRevocations,
  paymentMethods,
  paymentStates,
  paymentSubjects,
  productAccesses,
  refundStates,
  reservationSources,
} from "../contract/contract.ts";
import { actorTypes, operationKinds, operationStates } from "../contract/operation.ts";

/*
 * The answers of the HTTP API: what the OpenAPI document says of them, what the client types them as, and what the tests
 * hold every answer against. Fields may be added to them; readers leave alone what they do not know.
 */

const instant = z.iso.datetime().describe("A moment in UTC.");
const date = z.iso.date().describe("A date of the business time zone.");
const minor = z.int().nonnegative().describe("An amount in the currency's minor unit.");
const code = z.string().regex(/^[a-z0-9_]+$/);
const about = z
  .looseObject({ code, detail: z.record(z.string(), z.unknown()) })
  .describe("A code for programs, and what it is about.");

export const sentencesSchema = z
  .object({ ja: z.string(), en: z.string() })
  .describe("The same for people, in Japanese and English.");

/** A succeeded operation's outcome. */
const outcomeSchema = z
  .looseObject({
    statusBefore: z.enum(contractStatuses).nullable(),
    statusAfter: z.enum(contractStatuses).nullable(),
    contractVersion: z
      .int()
      .positive()
      .nullable()
      .optional()
      .describe("The version that it made of the contract; null for a deletion."),
    attention: z.array(about).optional().describe("Done, but something is owed or odd."),
    superseded: z.boolean().optional().describe("Stripe's report was older than what is known, and changed nothing."),
  })
  .describe("What became true.");

const rejectedBecause = {
  rejectionCode: code.nullable().describe("Why a rule said no; null unless it did."),
  rejectionDetail: z.record(z.string(), z.unknown()).nullable().describe("What the code is about."),
};

export const acceptedOperationSchema = z.object({
  id: z.string(),
  sequence: z.int().positive().describe("Its place in the one order in which operations were accepted."),
  kind: z.enum(operationKinds),
  contractId: z.string(),
  state: z.enum(operationStates),
  acceptedAt: instant,
  outcome: outcomeSchema.nullable(),
  ...rejectedBecause,
});

export const acceptanceSchema = z.object({
  answer: z.enum(["accepted", "duplicate"]),
  operation: acceptedOperationSchema,
});

export const operationSchema = z
  .object({
    ...acceptedOperationSchema.shape,
    actorType: z.enum(actorTypes),
    actorId: z.string(),
    reason: z.string().nullable(),
    requestedAt: instant,
    attempt: z.int().nonnegative(),
    nextAttemptAt: instant.nullable(),
    waitReason: z.string().nullable().describe("Why it was put off; null when it was not."),
    heldQuestion: about.nullable().describe("What a person has to decide; null unless it is held."),
    retries: z
      .array(z.object({ operatorId: z.string(), reason: z.string(), at: instant, question: about }))
      .describe("Each time that a person let it be tried again: who, why, when, and what they had been asked."),
    abandonment: z
      .looseObject({ operatorId: z.string(), reason: z.string() })
      .nullable()
      .describe("Who abandoned it and why; null unless somebody did."),
    concludedAt: instant.nullable(),
    sentences: sentencesSchema.nullable().describe("Why it was rejected, for people; null when it was not."),
  })
  .describe("An operation without its parameters.");

const contractSchema = z.looseObject({
  id: z.string(),
  productId: z.string(),
  customerId: z.string(),
  kind: z.enum(contractKinds),
  paymentMethod: z.enum(paymentMethods),
  origin: z.enum(contractOrigins),
  status: z.enum(contractStatuses),
  currency: z.string(),
  priceMinor: minor,
  initialFeeMinor: minor,
  specialPriceMinor: minor.nullable(),
  specialMonths: z.int().nonnegative(),
  startOn: date,
  nextRenewalOn: date.nullable().describe("By the calendar; null when it never renews, or ends before."),
  mayView: z.boolean().describe("Whether the customer may view anything now."),
  terminationOn: date.nullable().describe("The renewal date on which it is reserved to end."),
  terminationSource: z.enum(reservationSources).nullable(),
  endedAt: instant.nullable(),
  stripeCustomerId: z.string().nullable(),
  stripeSubscriptionId: z.string().nullable(),
  formerStripeSubscriptionIds: z.array(z.string()),
  stripePaymentIntentId: z.string().nullable(),
  version: z.int().positive(),
  changedByOperationId: z.string(),
  createdAt: instant,
  updatedAt: instant,
});

const paymentSchema = z.looseObject({
  id: z.string(),
  subject: z.enum(paymentSubjects),
  period: z.int().nonnegative().nullable(),
  startsOn: date.nullable(),
  amountMinor: minor,
  state: z.enum(paymentStates),
  paidAt: instant.nullable(),
  stripePaymentIntentId: z.string().nullable(),
  stripeInvoiceId: z.string().nullable(),
  dispute: z.enum(disputeStates).nullable(),
});

const refundSchema = z.looseObject({
  id: z.string(),
  paymentId: z.string(),
  amountMinor: minor,
  state: z.enum(refundStates),
  stripeRefundId: z.string().nullable(),
  stripePaymentIntentId: z.string().nullable(),
  supersededBy: z.string().nullable(),
  refusalCode: z.string().nullable(),
  operationId: z.string(),
  createdAt: instant,
  settledAt: instant.nullable(),
});

const licenseSchema = z.looseObject({
  paymentId: z.string(),
  grantedAt: instant,
  revokedAt: instant.nullable(),
  revokedBecause: z.enum(licenseRevocations).nullable(),
  mayView: z
    .boolean()
    .describe(
      "Whether what it stands for may be viewed now; a product open `while_running` opens only with the contract.",
    ),
});

export const contractHistorySchema = z
  .object({
    contract: contractSchema,
    product: z.looseObject({
      id: z.string(),
      kind: z.enum(contractKinds),
      access: z.enum(productAccesses),
      priceMinor: minor,
      automaticTerminationMonth: z.string().nullable(),
      version: z.int().nonnegative(),
    }),
    signup: z.looseObject({ appliedAt: instant, channel: z.string() }).nullable(),
    payments: z.array(paymentSchema),
    refunds: z.array(refundSchema),
    licenses: z.array(licenseSchema),
    operations: z.array(operationSchema).describe("The last 500, oldest first."),
    operationsTotal: z.int().nonnegative(),
  })
  .describe("A contract with its rows and what was done to it, without its customer's name and mail.");

const rejectionSchema = z.looseObject({ code, detail: z.record(z.string(), z.string()) });
const japaneseAndEnglish = z.object({ ja: z.string(), en: z.string() });
const buttonHead = { kind: z.enum(operationKinds), button: japaneseAndEnglish, summary: japaneseAndEnglish };

export const contractButtonsSchema = z
  .object({
    contractId: z.string(),
    type: z.enum(["found", "deleted"]),
    buttons: z.array(
      z.discriminatedUnion("allowed", [
        z.object({
          ...buttonHead,
          allowed: z.literal(true),
          asksStripe: z.boolean().describe("Stripe is asked on the way, and may still say no."),
          choices: z
            .array(
              z.object({
                params: z.record(z.string(), z.unknown()).describe("The parameters of a request."),
                amountMinor: minor.nullable().describe("What is left of the payment, or owed; null for no money."),
              }),
            )
            .optional()
            .describe(
              "The parameters to choose from; empty where a person has to name them, left out where none are needed.",
            ),
        }),
        z.object({
          ...buttonHead,
          allowed: z.literal(false),
          rejection: rejectionSchema,
          sentence: japaneseAndEnglish,
        }),
      ]),
    ),
  })
  .describe("Every kind that people may ask: offered to this actor now, or why not.");

const reservation = z.object({ terminationOn: date, terminationSource: z.enum(reservationSources) }).nullable();

const burial = z.looseObject({ paymentId: z.string(), amountMinor: minor, result: z.enum(burialResults) });

export const planSchema = z
  .looseObject({
    digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe("What a request carries as expectedPlan."),
    kind: z.enum(operationKinds),
    contractId: z.string(),
    currency: z.string().describe("ISO 4217, lower case: of every amount in the plan."),
    rejection: rejectionSchema.extend({ sentence: japaneseAndEnglish }).nullable(),
    status: z.object({ before: z.enum(contractStatuses).nullable(), after: z.enum(contractStatuses).nullable() }),
    reservation: z.object({ before: reservation, after: reservation }),
    subscriptionId: z
      .object({ before: z.string().nullable(), after: z.string().nullable() })
      .describe("The subscription that bills the contract."),
    registered: z.looseObject({ id: z.string() }).nullable().describe("The terms of a contract that is registered."),
    calls: z.array(z.looseObject({ verb: z.string() })).describe("Each call at Stripe, in its order."),
    payments: z.array(
      z.looseObject({
        id: z.string(),
        subject: z.enum(paymentSubjects),
        period: z.int().nonnegative().nullable(),
        amountMinor: minor,
        from: z.enum(paymentStates).nullable(),
        to: z.enum(paymentStates),
      }),
    ),
    refunds: z.array(
      z.looseObject({
        id: z.string(),
        paymentId: z.string(),
        amountMinor: minor,
        by: z.enum(["stripe", "hand"]),
        to: z.enum(refundStates),
      }),
    ),
    licenses: z.array(
      z.looseObject({
        paymentId: z.string(),
        change: z.enum(["granted", "restored", "revoked"]),
        because: z.enum(licenseRevocations).nullable(),
      }),
    ),
    disputes: z.array(z.looseObject({ paymentId: z.string(), dispute: z.enum(disputeStates) })),
    mails: z.array(
      z.looseObject({
        kind: z.string(),
        recipient: z.enum(["customer", "operators"]),
        detail: z.record(z.string(), z.unknown()),
      }),
    ),
    attention: z.array(about),
    deleted: z.array(burial).nullable().describe("What becomes of each payment of a contract that is deleted."),
    latePayments: z.array(burial).describe("Payments that came after the contract was deleted."),
    warning: japaneseAndEnglish.nullable(),
  })
  .describe("What the operation would do, or why it would be rejected.");

export const putAnswerSchema = z
  .object({ answer: z.enum(["created", "updated", "ignored"]), version: z.int().nonnegative() })
  .describe("`ignored`: a version that is not newer than the one that is known.");

export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code,
    detail: z.string(),
    remedy: z.string(),
    field: z.string().optional().describe("The field that is at fault, such as params.paidPeriods.0."),
    sentences: sentencesSchema.optional(),
    operationId: z.string().optional().describe("Of a deleted contract: the operation that deleted it."),
    requestId: z.string().describe("The answer's x-request-id, by which the log is searched."),
  })
  .describe("A problem of RFC 9457.");
