import type { RestJudge } from "./evidence.ts";

const final = ["succeeded", "rejected", "abandoned"];

export const concluded: RestJudge = {
  id: "I2",
  claim: "Whatever a door accepted is in the ledger and has come to its end, or is held and an operator was told.",
  judge({ tables, told }) {
    const erased = new Set(tables.erased);
    const rows = new Map(tables.operations.map((row) => [row.id, row]));
    const alarms = new Set(
      tables.notifications.filter(({ kind }) => kind === "operation_held").map(({ cause }) => cause),
    );
    const isTold = (id: string) => [...alarms].some((cause) => cause.includes(id));
    const violations: string[] = [];
    const accepted = new Set(
      told.filter(({ said, isOther }) => said !== "lost" && !isOther).map(({ operationId }) => operationId),
    );
    for (const id of accepted)
      if (!rows.has(id) && !erased.has(id)) violations.push(`${id} was accepted and is nowhere`);
    for (const { id, state } of tables.operations) {
      if (final.includes(state)) continue;
      if (state !== "held") violations.push(`${id} is still ${state}`);
      else if (!isTold(id)) violations.push(`${id} is held, and nobody was told`);
    }
    return { checked: accepted.size + tables.operations.length, violations };
  },
};
