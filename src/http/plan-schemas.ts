import { z } from "zod";
import {
  burialResults,
  contractStatuses,
  paymentStates,
  paymentSubjects,
  refundStates,
  reservationSources,
} from "../contract/contract.ts";
import { operationKinds } from "../contract/operation.ts";
import { about, code, date, minor, sentencesSchema } from "./api-schemas.ts";

/*
 * What a preview and the buttons of a contract answer, as the other answers of the API: fields may be added to them.
 */

const params = z.record(z.string(), z.unknown());
const status = z.enum(contractStatuses).nullable();
const reservation = z
  .looseObject({ terminationOn: date, terminationSource: z.enum(reservationSources) })
  .nullable()
  .describe("The renewal date on which the contract is reserved to end, and who reserved it; null for none.");

const rejectionSchema = z.looseObject({
  code,
  detail: z.record(z.string(), z.string()),
  sentence: sentencesSchema,
});

export const planSchema = z
  .looseObject({
    digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe(
        "SHA-256 of the plan. A request that carries it as `expectedPlan` is carried out only if it would do just this.",
      ),
    kind: z.enum(operationKinds),
    contractId: z.string(),
    rejection: rejectionSchema.nullable().describe("Why a rule would refuse it; null when none would."),
    status: z.object({ before: status, after: status }).describe("Null where there is no contract."),
    reservation: z.object({ before: reservation, after: reservation }),
    calls: z.array(z.looseObject({ verb: z.string() })).describe("Each call at Stripe, in its order."),
    payments: z
      .array(
        z.looseObject({
          id: z.string(),
          subject: z.enum(paymentSubjects),
          period: z.int().nonnegative().nullable(),
          amountMinor: minor,
          from: z.enum(paymentStates).nullable().describe("Null for a row that is written anew."),
          to: z.enum(paymentStates),
        }),
      )
      .describe("Rows of the purchase history that are written or moved."),
    refunds: z.array(
      z.looseObject({
        id: z.string(),
        paymentId: z.string(),
        amountMinor: minor,
        by: z.enum(["stripe", "hand"]),
        to: z.enum(refundStates),
      }),
    ),
    licenses: z.array(z.looseObject({ paymentId: z.string(), change: z.enum(["granted", "restored", "revoked"]) })),
    mails: z.array(z.looseObject({ kind: z.string(), recipient: z.enum(["customer", "operators"]), detail: params })),
    attention: z.array(about).describe("What would be owed or odd although it is done."),
    deleted: z
      .array(z.looseObject({ paymentId: z.string(), amountMinor: minor, result: z.enum(burialResults) }))
      .nullable()
      .describe("What becomes of each payment of a contract that is deleted; null for the other kinds."),
    warning: sentencesSchema
      .nullable()
      .describe("What is to be thought of before a deletion; null for the other kinds."),
  })
  .describe("What the operation would do if it were carried out now, supposing that every call at Stripe succeeds.");

const buttonHead = {
  kind: z.enum(operationKinds),
  button: sentencesSchema.describe("What the button says."),
  summary: sentencesSchema.describe("What becomes true."),
};

export const contractButtonsSchema = z
  .looseObject({
    contractId: z.string(),
    isDeleted: z.boolean().describe("Whether only what is still owed is left of the contract."),
    buttons: z.array(
      z.discriminatedUnion("allowed", [
        z.looseObject({
          ...buttonHead,
          allowed: z.literal(true),
          asksStripe: z
            .boolean()
            .describe("Whether Stripe is asked on the way, and may still say something against it."),
          choices: z
            .array(params)
            .optional()
            .describe("The parameters with which it may be pressed, where there is a choice."),
        }),
        z.looseObject({
          ...buttonHead,
          allowed: z.literal(false),
          rejection: z.looseObject({ code, detail: z.record(z.string(), z.string()) }),
          sentence: sentencesSchema,
        }),
      ]),
    ),
  })
  .describe("Every kind of operation that people may ask of a contract, and why not where they may not now.");
