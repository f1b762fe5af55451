import type { OperationKind } from "../../../src/contract/operation.ts";

/** A line of `requests.ndjson`: a request as a producer sends it, right or wrong. Dates are in the demo's notation. */
export interface PlannedRequest {
  readonly id: string;
  readonly kind: string;
  readonly contractId: string;
  readonly actor: { readonly type: string; readonly id: string };
  readonly params?: Readonly<Record<string, unknown>>;
  readonly reason?: string;
}

/** A request without the id that its producer gives it in the end. */
export type Ask = Omit<PlannedRequest, "id">;

/** Makes what is asked for one contract, by whom it concerns. */
export interface Askers {
  /** An operator at the desk, with a reason. */
  readonly desk: (kind: OperationKind, reason?: string, params?: Ask["params"]) => Ask;
  /** The customer whose contract it is. */
  readonly owner: (kind: OperationKind) => Ask;
  /** A customer whose contract it is not. */
  readonly stranger: (kind: OperationKind) => Ask;
  /** Another service of the shop. */
  readonly service: (kind: OperationKind) => Ask;
}

const operators = ["op-sasaki", "op-morita", "op-hayashi"] as const;

/** The askers of one contract. `turn` chooses the operator. */
export function askersOf(contractId: string, customerId: string, turn: number): Askers {
  const operator = operators[turn % operators.length] ?? operators[0];
  const ask = (kind: OperationKind, actor: Ask["actor"], rest: Pick<Ask, "params" | "reason"> = {}): Ask => ({
    kind,
    contractId,
    actor,
    ...rest,
  });
  return {
    desk: (kind, reason, params) =>
      ask(
        kind,
        { type: "operator", id: operator },
        {
          ...(params === undefined ? {} : { params }),
          ...(reason === undefined ? {} : { reason }),
        },
      ),
    owner: (kind) => ask(kind, { type: "customer", id: customerId }),
    // Customers are numbered up to 300: there is always another one.
    stranger: (kind) => ask(kind, { type: "customer", id: customerId === "C-0042" ? "C-0043" : "C-0042" }),
    service: (kind) => ask(kind, { type: "service", id: "shop" }),
  };
}
