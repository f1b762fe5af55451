/** One object at Stripe beside what our books say of it. */
export interface ComparedLine {
  readonly type: "payment_intent" | "subscription" | "invoices";
  /** Stripe's id of the object; for invoices, of their subscription. */
  readonly id: string;
  readonly contractIds: readonly string[];
  readonly atStripe: string;
  readonly inBooks: string;
  /** What cannot be: each a sentence's end that follows the id. */
  readonly differences: readonly string[];
  /** What Stripe knows and the books need not: a refund made on its dashboard, a subscription that was ended there. */
  readonly remarks: readonly string[];
}

const yen = new Intl.NumberFormat("en", { style: "currency", currency: "JPY" });

/** An amount as people write it: `¥1,980`. */
export function inYen(amountMinor: number): string {
  return yen.format(amountMinor);
}

export function sumOf(rows: readonly { readonly amountMinor: number }[]): number {
  return rows.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}

/** Rows by a key; those without one are left out. */
export function groupBy<Row>(rows: readonly Row[], keyOf: (row: Row) => string | null): ReadonlyMap<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = keyOf(row);
    if (key === null) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}
