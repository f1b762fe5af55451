import {
  type CustomerPut,
  customerPutSchema,
  type ProductPut,
  productPutSchema,
} from "../../src/contract/cataloging.ts";

/** A monthly product, first version, that ends in no month; override what the test is about. */
export function productPut(overrides: Readonly<Record<string, unknown>> = {}): ProductPut {
  return productPutSchema.parse({
    id: "magazine",
    kind: "monthly",
    access: "per_period",
    priceMinor: 1_980,
    automaticTerminationMonth: null,
    version: 1,
    ...overrides,
  });
}

/** A customer, first version; override what the test is about. */
export function customerPut(overrides: Readonly<Record<string, unknown>> = {}): CustomerPut {
  return customerPutSchema.parse({
    id: "customer-1",
    email: "hanako@example.com",
    name: "山田 花子",
    locale: "ja",
    version: 1,
    ...overrides,
  });
}
