import { announcementOf } from "./announcement.ts";
import { Collection, type IndexKeys } from "./collection.ts";
import { type ObjectKind, type StoredObjects, subscriptionOf } from "./stored.ts";

/** One collection for each kind of object. */
export type Collections = { readonly [K in ObjectKind]: Collection<StoredObjects[K]> };

/** The collection that keeps objects of this one's kind. */
export function collectionOf<T extends StoredObjects[ObjectKind]>(objects: Collections, object: T): Collection<T> {
  // The kind is the object's own word, so the collection is one of objects of this type.
  return objects[object.object] as unknown as Collection<T>;
}

/** Empty collections with the indexes that the lists of the API read. */
export function emptyCollections(): Collections {
  const of = <K extends ObjectKind>(keys: IndexKeys<StoredObjects[K]> = {}) => new Collection<StoredObjects[K]>(keys);
  return {
    customer: of<"customer">(),
    product: of<"product">(),
    price: of<"price">(),
    subscription: of<"subscription">({ customer: (subscription) => subscription.customer }),
    invoice: of<"invoice">({ subscription: subscriptionOf, customer: (invoice) => invoice.customer }),
    invoiceitem: of<"invoiceitem">({
      customer: (item) => item.customer,
      subscription: (item) => item.parent?.subscription_details?.subscription ?? null,
    }),
    invoice_payment: of<"invoice_payment">({
      invoice: (payment) => payment.invoice,
      payment_intent: (payment) => payment.payment.payment_intent,
    }),
    payment_intent: of<"payment_intent">({ customer: (intent) => intent.customer }),
    dispute: of<"dispute">({
      charge: (dispute) => dispute.charge,
      payment_intent: (dispute) => dispute.payment_intent,
    }),
    payment_method: of<"payment_method">(),
    // Events of several clocks come in the order in which they were made, so that a reader can go on after the last one.
    event: new Collection<StoredObjects["event"]>({ announcement: announcementOf }, "arrival"),
    "test_helpers.test_clock": of<"test_helpers.test_clock">(),
    webhook_endpoint: of<"webhook_endpoint">(),
    charge: of<"charge">({ customer: (charge) => charge.customer, payment_intent: (charge) => charge.payment_intent }),
    refund: of<"refund">({ charge: (refund) => refund.charge, payment_intent: (refund) => refund.payment_intent }),
  };
}
