import { demoProducts } from "./catalog.ts";
import { makeBooks } from "./contracts.ts";
import { createRandom } from "./random.ts";
import { makeRequests } from "./requests.ts";

/** 契約: any number would do, as long as it stays. */
const seed = 0x5951;

/** The names of the demo's files with their contents: the same in every run. */
export function makeDemoFiles(): Readonly<Record<"contracts.ndjson" | "requests.ndjson", string>> {
  const random = createRandom(seed);
  const { customers, contracts } = makeBooks(random);
  // The worker is told what it needs: no names, and no prices that are for the shop to offer.
  const products = demoProducts.map(({ id, kind, access, priceMinor, automaticTerminationMonth }) => ({
    id,
    kind,
    access,
    priceMinor,
    automaticTerminationMonth,
  }));
  return {
    "contracts.ndjson": toLines([
      ...products.map((product) => ({ type: "product", ...product })),
      ...customers.map((customer) => ({ type: "customer", ...customer })),
      ...contracts.map(({ id, params }) => ({ type: "contract", contractId: id, ...params })),
    ]),
    "requests.ndjson": toLines(makeRequests(contracts, random)),
  };
}

function toLines(objects: readonly object[]): string {
  return objects.map((object) => `${JSON.stringify(object)}\n`).join("");
}
