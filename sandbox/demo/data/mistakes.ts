import type { Ask, PlannedRequest } from "./planned-request.ts";

const operator = { type: "operator", id: "op-morita" } as const;

/** Requests for contracts that never were. */
export function requestsForNobody(): readonly Ask[] {
  const kinds = ["cancel", "confirm_payment", "reserve_termination", "terminate", "resume", "suspend"] as const;
  return Array.from({ length: 14 }, (_, index) => ({
    kind: kinds[index % kinds.length] ?? "cancel",
    contractId: `K-9${String(index + 1).padStart(3, "0")}`,
    actor: operator,
  }));
}

/** Requests that no door takes, or that are refused for their parameters: what a producer gets wrong in its first week. */
export function malformedRequests(): readonly PlannedRequest[] {
  const wrong: readonly Partial<Record<keyof PlannedRequest, unknown>>[] = [
    // Ids.
    { id: "依頼 7" },
    { id: "" },
    { id: "bad/slash" },
    { id: `too-long-${"x".repeat(60)}` },
    { id: "has space" },
    { contractId: "契約-7" },
    { contractId: "K 0007" },
    { contractId: "" },
    // Kinds that there are not, or not under this name.
    { kind: "pause" },
    { kind: "Cancel" },
    { kind: "解約" },
    { kind: "refund_everything" },
    { kind: "" },
    // Actors.
    { actor: { type: "admin", id: "root" } },
    { actor: { type: "operator", id: "" } },
    { actor: { type: "schedule", id: "cron" } },
    { actor: { type: "customer" } },
    // Parameters.
    { params: { period: -1 } },
    { params: { period: "current" } },
    { params: { periods: [1] } },
    { kind: "cancel", params: { refund: true } },
    { kind: "resume", params: { paidPeriods: "all" } },
    { kind: "confirm_payment", params: { paidPeriods: [0.5] } },
    { kind: "register", contractId: "X-0099", params: { productId: "tsukinowa-monthly" } },
    // Fields of the envelope.
    { reason: 42 },
    { note: "please hurry" } as object,
  ];
  return wrong.map((change, index) => ({
    id: `bad-${String(index + 1).padStart(2, "0")}`,
    kind: "suspend",
    contractId: `K-0${150 + index}`,
    actor: operator,
    ...change,
  })) as readonly PlannedRequest[];
}
