/**
 * Parameters without the personal data in them: of the customer whom a `register` brings along, only the id remains. What
 * people have written into reasons is shown as it is, since it is theirs to keep names out of it.
 */
export function hideCustomer(params: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { customer } = params;
  if (customer === undefined) return params;
  const id = typeof customer === "object" && customer !== null && "id" in customer ? customer.id : null;
  return { ...params, customer: { id, hidden: "--with-customer shows it" } };
}
