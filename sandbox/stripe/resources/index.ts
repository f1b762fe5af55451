import type { Core } from "../core/core.ts";
import type { Endpoint } from "../core/endpoint.ts";
import { finishAdvancing } from "../time/test-clock.ts";
import { chargeEndpoints } from "./charges.ts";
import { customerEndpoints } from "./customers.ts";
import { disputeEndpoints } from "./disputes.ts";
import { eventEndpoints } from "./events.ts";
import { invoiceItemEndpoints } from "./invoice-items.ts";
import { invoicePaymentEndpoints } from "./invoice-payments.ts";
import { invoiceEndpoints } from "./invoices.ts";
import { paymentIntentEndpoints } from "./payment-intents.ts";
import { paymentMethodEndpoints } from "./payment-methods.ts";
import { priceEndpoints } from "./prices.ts";
import { productEndpoints } from "./products.ts";
import { refundEndpoints } from "./refunds.ts";
import { subscriptionEndpoints } from "./subscriptions.ts";
import { testClockEndpoints } from "./test-clocks.ts";
import { webhookEndpointEndpoints } from "./webhook-endpoints.ts";

/** Every endpoint of the stand-in. What is not here is answered with 404. */
export function allEndpoints(core: Core): readonly Endpoint[] {
  return [
    ...customerEndpoints,
    ...productEndpoints,
    ...priceEndpoints,
    ...subscriptionEndpoints,
    ...paymentIntentEndpoints,
    ...chargeEndpoints,
    ...invoiceEndpoints,
    ...invoiceItemEndpoints,
    ...invoicePaymentEndpoints,
    ...refundEndpoints,
    ...paymentMethodEndpoints,
    ...disputeEndpoints,
    ...eventEndpoints,
    ...webhookEndpointEndpoints,
    ...testClockEndpoints((clock) => {
      const finished = finishAdvancing(core, clock).finally(() => core.inFlight.delete(finished));
      core.inFlight.add(finished);
    }),
  ];
}
