import type { RestJudge } from "./evidence.ts";

export const restIsRest: RestJudge = {
  id: "I20",
  claim: "With an empty queue and all processes started anew nothing changes any more.",
  judge({ rest: { restart } }) {
    const tables = Object.keys(restart.before);
    const changed = tables.filter((table) => restart.before[table] !== restart.after[table]);
    return { checked: tables.length, violations: changed.map((table) => `${table} changed at rest`) };
  },
};
