import type { Settings } from "../core/core.ts";
import type { Endpoint } from "../core/endpoint.ts";
import { chargeEndpoints } from "./charges.ts";
import { customerEndpoints } from "./customers.ts";
import { invoicePaymentEndpoints } from "./invoice-payments.ts";
import { invoiceEndpoints } from "./invoices.ts";
import { paymentIntentEndpoints } from "./payment-intents.ts";
import { priceEndpoints } from "./prices.ts";
import { productEndpoints } from "./products.ts";
import { refundEndpoints } from "./refunds.ts";
import { subscriptionEndpoints } from "./subscriptions.ts";

/** Every endpoint of the stand-in. What is not here is answered with 404. */
export function allEndpoints(settings: Settings): readonly Endpoint[] {
  return [
    ...customerEndpoints,
    ...productEndpoints,
    ...priceEndpoints,
    ...subscriptionEndpoints,
    ...paymentIntentEndpoints,
    ...chargeEndpoints,
    ...invoiceEndpoints,
    ...invoicePaymentEndpoints,
    ...refundEndpoints(settings),
  ];
}
