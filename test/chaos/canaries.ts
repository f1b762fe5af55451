/*
 * What nobody may find anywhere but in the tables, in the mails and at Stripe: planted as people, keys and words of this run, all
 * made up here.
 */

/** In the address and the name of every customer. */
export const mailCanary = "kanaria-mail";
export const nameCanary = "金糸雀カナリア";

/** Free text, as people write it: digits of a card among it. */
export const cardCanary = "4000056655665556";
export const reasonCanary = "kanaria-reason";

export const databasePassword = "kanaria-database-password";
export const webhookSecret = "whsec_kanariaWebhookSecret0123456789";
export const apiToken = "kanaria-api-token-0123456789abcdef0123456789";
export const stripeKey = "sk_test_kanariaStripeKey0123456789";

/** Every canary by what it stands for. */
export const canaries: Readonly<Record<string, string>> = {
  "a mail address": mailCanary,
  "a name": nameCanary,
  "a card number": cardCanary,
  "a person's words": reasonCanary,
  "the database's password": databasePassword,
  "a webhook secret": webhookSecret,
  "a token of the API": apiToken,
  "Stripe's key": stripeKey,
};

export function customerOf(id: string) {
  return { id, email: `${mailCanary}-${id}@canary.example`, name: `${nameCanary} ${id}` };
}

/** Why, in a person's words. */
export function reasonOf(id: string): string {
  return `${reasonCanary} ${id}: ${nameCanary}様のカード ${cardCanary}`;
}
