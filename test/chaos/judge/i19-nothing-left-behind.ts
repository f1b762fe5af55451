import type { RestJudge } from "./evidence.ts";

/** What a process opens for a moment, such as a request that is being answered while it is counted. */
const filesMore = 40;

export const nothingLeftBehind: RestJudge = {
  id: "I19",
  claim: "No contract is occupied by what has ended, no transaction is open, and connections and files have not grown.",
  judge({ tables, rest }) {
    const violations: string[] = [];
    const final = ["succeeded", "rejected", "abandoned"];
    for (const { id, state, occupies } of tables.operations) {
      if (occupies && final.includes(state)) violations.push(`${id} is ${state} and occupies its contract`);
    }
    for (const { name, state } of rest.connections) {
      if (state.startsWith("idle in transaction")) violations.push(`${name} is ${state}`);
    }
    if (rest.connections.length > rest.connectionsMax) {
      violations.push(`${rest.connections.length} connections are open, of ${rest.connectionsMax}`);
    }
    for (const { name, before, after } of rest.files) {
      if (after > before + filesMore) violations.push(`${name} had ${before} files open, and has ${after}`);
    }
    return { checked: tables.operations.length + rest.connections.length + rest.files.length, violations };
  },
};
