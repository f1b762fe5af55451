import type { Evidence, FinalEvidence, Verdict } from "./judge/evidence.ts";
import { restJudges, safetyJudges } from "./judge/index.ts";

/** What became of an invariant in a run. */
export interface Finding {
  readonly id: string;
  readonly claim: string;
  /** How often it was looked at, and how many things were checked in all. */
  readonly looks: number;
  readonly checked: number;
  /** What did not hold, each once, with the moment at which it was seen first. */
  readonly violations: readonly { readonly at: number; readonly what: string }[];
}

/** Keeps the verdicts of all judges. */
export class Court {
  readonly #findings = new Map<
    string,
    { claim: string; looks: number; checked: number; violations: Map<string, number> }
  >();

  hearSafety(evidence: Evidence): void {
    for (const each of safetyJudges) this.#note(each.id, each.claim, each.judge(evidence));
  }

  hearRest(evidence: FinalEvidence): void {
    this.hearSafety(evidence);
    for (const each of restJudges) this.#note(each.id, each.claim, each.judge(evidence));
  }

  /** A verdict of a judge who looks at something else. */
  note(id: string, claim: string, verdict: Verdict): void {
    this.#note(id, claim, verdict);
  }

  get findings(): readonly Finding[] {
    return [...this.#findings]
      .map(([id, { violations, ...rest }]) => ({
        id,
        ...rest,
        violations: [...violations].map(([what, at]) => ({ at, what })),
      }))
      .toSorted((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)));
  }

  #note(id: string, claim: string, { checked, violations }: Verdict): void {
    const found = this.#findings.get(id) ?? { claim, looks: 0, checked: 0, violations: new Map<string, number>() };
    found.looks += 1;
    found.checked += checked;
    for (const what of violations) if (!found.violations.has(what)) found.violations.set(what, Date.now());
    this.#findings.set(id, found);
  }
}
