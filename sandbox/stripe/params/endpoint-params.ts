import type Stripe from "stripe";

/**
 * The parameters of every endpoint, as the SDK types them.
 *
 * `generate.ts` writes `generated.json` from this type, and every request is checked against that: an endpoint that is
 * missing here cannot be defined.
 */
export interface EndpointParams {
  "POST /v1/customers": Stripe.CustomerCreateParams;
  "GET /v1/customers/:id": Stripe.CustomerRetrieveParams;
  "POST /v1/customers/:id": Stripe.CustomerUpdateParams;
  "POST /v1/payment_methods": Stripe.PaymentMethodCreateParams;
  "GET /v1/payment_methods": Stripe.PaymentMethodListParams;
  "GET /v1/payment_methods/:id": Stripe.PaymentMethodRetrieveParams;
  "POST /v1/payment_methods/:id/attach": Stripe.PaymentMethodAttachParams;
  "POST /v1/payment_methods/:id/detach": Stripe.PaymentMethodDetachParams;
  "POST /v1/products": Stripe.ProductCreateParams;
  "GET /v1/products/:id": Stripe.ProductRetrieveParams;
  "POST /v1/prices": Stripe.PriceCreateParams;
  "GET /v1/prices/:id": Stripe.PriceRetrieveParams;
  "POST /v1/subscriptions": Stripe.SubscriptionCreateParams;
  "GET /v1/subscriptions": Stripe.SubscriptionListParams;
  "GET /v1/subscriptions/:id": Stripe.SubscriptionRetrieveParams;
  "POST /v1/subscriptions/:id": Stripe.SubscriptionUpdateParams;
  "POST /v1/subscriptions/:id/pause": Stripe.SubscriptionPauseParams;
  "POST /v1/subscriptions/:id/resume": Stripe.SubscriptionResumeParams;
  "DELETE /v1/subscriptions/:id": Stripe.SubscriptionCancelParams;
  "GET /v1/invoices": Stripe.InvoiceListParams;
  "GET /v1/invoices/:id": Stripe.InvoiceRetrieveParams;
  "POST /v1/invoices/:id": Stripe.InvoiceUpdateParams;
  "POST /v1/invoices/:id/finalize": Stripe.InvoiceFinalizeInvoiceParams;
  "POST /v1/invoices/:id/pay": Stripe.InvoicePayParams;
  "POST /v1/invoices/:id/void": Stripe.InvoiceVoidInvoiceParams;
  "POST /v1/invoices/:id/mark_uncollectible": Stripe.InvoiceMarkUncollectibleParams;
  "GET /v1/invoiceitems": Stripe.InvoiceItemListParams;
  "GET /v1/invoiceitems/:id": Stripe.InvoiceItemRetrieveParams;
  "DELETE /v1/invoiceitems/:id": Stripe.InvoiceItemDeleteParams;
  "GET /v1/invoice_payments": Stripe.InvoicePaymentListParams;
  "GET /v1/invoice_payments/:id": Stripe.InvoicePaymentRetrieveParams;
  "POST /v1/payment_intents": Stripe.PaymentIntentCreateParams;
  "GET /v1/payment_intents": Stripe.PaymentIntentListParams;
  "GET /v1/payment_intents/:id": Stripe.PaymentIntentRetrieveParams;
  "POST /v1/payment_intents/:id/confirm": Stripe.PaymentIntentConfirmParams;
  "POST /v1/payment_intents/:id/cancel": Stripe.PaymentIntentCancelParams;
  "GET /v1/charges": Stripe.ChargeListParams;
  "GET /v1/charges/:id": Stripe.ChargeRetrieveParams;
  "GET /v1/disputes": Stripe.DisputeListParams;
  "GET /v1/disputes/:id": Stripe.DisputeRetrieveParams;
  "POST /v1/refunds": Stripe.RefundCreateParams;
  "GET /v1/refunds": Stripe.RefundListParams;
  "GET /v1/refunds/:id": Stripe.RefundRetrieveParams;
  "POST /v1/refunds/:id": Stripe.RefundUpdateParams;
  "POST /v1/refunds/:id/cancel": Stripe.RefundCancelParams;
  "GET /v1/events": Stripe.EventListParams;
  "GET /v1/events/:id": Stripe.EventRetrieveParams;
  "POST /v1/webhook_endpoints": Stripe.WebhookEndpointCreateParams;
  "GET /v1/webhook_endpoints": Stripe.WebhookEndpointListParams;
  "GET /v1/webhook_endpoints/:id": Stripe.WebhookEndpointRetrieveParams;
  "POST /v1/webhook_endpoints/:id": Stripe.WebhookEndpointUpdateParams;
  "DELETE /v1/webhook_endpoints/:id": Stripe.WebhookEndpointDeleteParams;
  "POST /v1/test_helpers/test_clocks": Stripe.TestHelpers.TestClockCreateParams;
  "GET /v1/test_helpers/test_clocks": Stripe.TestHelpers.TestClockListParams;
  "GET /v1/test_helpers/test_clocks/:id": Stripe.TestHelpers.TestClockRetrieveParams;
  "POST /v1/test_helpers/test_clocks/:id/advance": Stripe.TestHelpers.TestClockAdvanceParams;
}
