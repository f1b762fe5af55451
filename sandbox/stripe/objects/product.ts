import { newId } from "../core/ids.ts";
import type { Metadata, StoredProduct } from "../core/stored.ts";

export interface ProductFacts {
  readonly id?: string | undefined;
  readonly created: number;
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly active?: boolean | undefined;
  readonly metadata?: Metadata | undefined;
}

export function productObject(facts: ProductFacts): StoredProduct {
  return {
    id: facts.id ?? newId("product"),
    object: "product",
    active: facts.active ?? true,
    created: facts.created,
    default_price: null,
    description: facts.description ?? null,
    images: [],
    livemode: false,
    marketing_features: [],
    metadata: facts.metadata ?? {},
    name: facts.name,
    package_dimensions: null,
    shippable: null,
    statement_descriptor: null,
    tax_code: null,
    tax_details: null,
    type: "service",
    unit_label: null,
    updated: facts.created,
    url: null,
  };
}
