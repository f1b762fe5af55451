import { grouped, type RestJudge } from "./evidence.ts";

export const eachDayOnce: RestJudge = {
  id: "I13",
  claim: "Every owed date has its run, done, and what it brings is done once for each contract.",
  judge({ tables, rest }) {
    const violations: string[] = [];
    const runs = new Map(tables.runs.map(({ date, state }) => [date, state]));
    let checked = 0;
    for (const date of datesBetween(rest.datesOwed.first, rest.datesOwed.last)) {
      checked += 1;
      if (runs.get(date) !== "done") violations.push(`the run of ${date} is ${runs.get(date) ?? "not there"}`);
    }
    // Of an id like `renew.c-17.20261108.4.20261108` the first three parts say what was due.
    const scheduled = tables.operations.filter(
      ({ actor_type, state, outcome }) =>
        actor_type === "schedule" && state === "succeeded" && outcome?.superseded !== true,
    );
    for (const [due, operations] of grouped(scheduled, ({ id }) => id.split(".").slice(0, 3).join("."))) {
      checked += 1;
      // A reservation that somebody took away may be made again for the same date.
      const mayRepeat = due.startsWith("reserve_by_") || due.startsWith("release_by_");
      if (operations.length > 1 && !mayRepeat) violations.push(`${due} was done ${operations.length} times`);
    }
    // What was registered while the last run was under way may have come behind it: the next one finds it.
    const last = tables.runs.find(({ date }) => date === rest.datesOwed.last);
    const registered = new Map(
      tables.operations
        .filter(({ kind, state }) => kind === "register" && state === "succeeded")
        .map(({ contract_id, concluded_at_ms }) => [contract_id, concluded_at_ms ?? Number.POSITIVE_INFINITY]),
    );
    for (const { id, status, renewal_due_on } of tables.contracts) {
      const runsOn = ["active", "special_period", "termination_reserved"].includes(status);
      if (!runsOn || renewal_due_on === null || renewal_due_on > rest.datesOwed.last) continue;
      checked += 1;
      if ((registered.get(id) ?? 0) < (last?.started_at_ms ?? 0)) {
        violations.push(`${id} should have been renewed on ${renewal_due_on}`);
      }
    }
    return { checked, violations };
  },
};

export function datesBetween(first: string, last: string): readonly string[] {
  const dates: string[] = [];
  for (let day = Date.parse(`${first}T00:00:00Z`); day <= Date.parse(`${last}T00:00:00Z`); day += 86_400_000) {
    dates.push(new Date(day).toISOString().slice(0, 10));
  }
  return dates;
}
