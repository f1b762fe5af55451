/** Ids of what can be a contract's at Stripe: its customer, subscriptions, payment intents and invoices. */
const contractsId = /^(?:cus|sub|pi|in)_\w{1,250}$/;

/** Mail addresses, also within a text: no more than what may stand around one is left out. */
const mailAddress = /[^\s@<>()[\]"',;:][^\s@<>()[\]",;:]{0,63}@[^\s@<>()[\]"',;:]{0,254}[\p{L}\p{N}]/gu;

/**
 * By what a body can be found when what it tells of is to be forgotten: every id in it that a contract can have at Stripe, and
 * every mail address, in small letters; wherever in it they stand, each once. Pure.
 */
export function mentionsIn(body: Readonly<Record<string, unknown>>): readonly string[] {
  const mentions = new Set<string>();
  const left: unknown[] = [body];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === "string") {
      if (contractsId.test(value) && !value.includes("_secret_")) mentions.add(value);
      else for (const address of value.match(mailAddress) ?? []) mentions.add(address.toLowerCase());
    } else if (typeof value === "object" && value !== null) {
      for (const each of Object.values(value)) left.push(each);
    }
  }
  return [...mentions].sort();
}
