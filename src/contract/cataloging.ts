import { z } from "zod";
import { customerSchema, productSchema } from "./registering.ts";

/** The largest version: what PostgreSQL's `integer` holds. */
const versionMax = 2_147_483_647;

/** A version of a catalog entry: chosen by the producer, from 1, and greater with every change on the producer's side. */
const version = z
  .int()
  .min(1)
  .max(versionMax)
  .describe(
    "Chosen by the producer, and greater with every change on its side, such as its own row's revision. A version that is not greater than the known one is ignored. What came without a version, with `register` or an import, has version 1.",
  );

/**
 * A product as it is put into the catalog. It says everything: nothing has a default, so that a producer which leaves a
 * field out is told so, rather than that it clears an automatic termination unawares.
 */
export const productPutSchema = z
  .strictObject({
    ...productSchema.shape,
    access: productSchema.shape.access.unwrap(),
    automaticTerminationMonth: productSchema.shape.automaticTerminationMonth.unwrap(),
    version,
  })
  .meta({
    title: "A product of the catalog",
    description: "Every field is needed. The kind of a known product cannot change: sell it as another product.",
  });
export type ProductPut = z.output<typeof productPutSchema>;

/** A customer as they are put into the catalog. As with products, everything is said. */
export const customerPutSchema = z
  .strictObject({ ...customerSchema.shape, locale: customerSchema.shape.locale.unwrap(), version })
  .meta({ title: "A customer of the catalog", description: "Every field is needed." });
export type CustomerPut = z.output<typeof customerPutSchema>;
