import { grouped, type RestJudge } from "./evidence.ts";

const ends = ["applied", "ignored", "unmatched", "held"];

export const eventsOnce: RestJudge = {
  id: "I10",
  claim: "Every event that Stripe made is in the inbox once, and has come to an end there.",
  judge({ tables, rest }) {
    const operations = new Set([...tables.operations.map(({ id }) => id), ...tables.erased]);
    const rows = grouped(tables.events, ({ id }) => id);
    const violations: string[] = [];
    for (const id of rest.eventIds) if (!rows.has(id)) violations.push(`${id} was made by Stripe and never arrived`);
    for (const [id, [row, ...others]] of rows) {
      if (others.length > 0) violations.push(`${id} is there ${others.length + 1} times`);
      if (row === undefined) continue;
      if (!ends.includes(row.state)) violations.push(`${id} is still ${row.state}`);
      if (row.state === "applied" && !operations.has(row.operation_id ?? "")) {
        violations.push(`${id} was applied by ${row.operation_id}, which is nowhere`);
      }
    }
    return { checked: rest.eventIds.length, violations };
  },
};
