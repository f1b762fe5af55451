import { record } from "../billing/effects.ts";
import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { invalidRequest, resourceMissing } from "../core/errors.ts";
import { changedMetadata } from "../core/params.ts";
import { productObject } from "../objects/product.ts";

const create = defineEndpoint({
  method: "POST",
  path: "/v1/products",
  params: ["id", "name", "description", "active", "metadata[]"],
  answers: "product",
  read: (params) => ({
    id: params.text("id"),
    name: params.requiredText("name"),
    description: params.text("description"),
    active: params.flag("active"),
    metadata: changedMetadata({}, params.metadata()),
  }),
  execute: (change, input) => {
    if (input.id !== undefined && change.objects.product.get(input.id) !== undefined) {
      throw invalidRequest("Product already exists.", { code: "resource_already_exists", param: "id" });
    }
    const product = change.put(productObject({ ...input, created: change.now }));
    record(change, "product.created", product, { metadata: product.metadata });
    return product;
  },
});

const retrieve = defineEndpoint({
  method: "GET",
  path: "/v1/products/:id",
  params: [],
  answers: "product",
  read: (_params, id) => id,
  execute: (change, id) => {
    const product = change.objects.product.get(id);
    if (product === undefined) throw resourceMissing("product", id, "id");
    return product;
  },
});

export const productEndpoints: readonly Endpoint[] = [create, retrieve];
