/** What a bench measured: a figure of ours, and the baseline's in the same run, over interleaved rounds. */
export interface BenchResult {
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Median of the baseline. */
  readonly baseline: number;
  /** Median of the rounds' own ratios, ours to the baseline's: steadier than the ratio of medians on a noisy machine. */
  readonly ratio: number;
  /** What else the row tells, by name; null for what this machine does not tell. */
  readonly notes?: Readonly<Record<string, number | null>>;
}

/** A row of the bench: measures, tells on the way how it goes, and gives the result; or those of several that are measured together. */
export interface Row {
  readonly name: string;
  run(report: (line: string) => void): Promise<BenchResult | readonly BenchResult[]>;
}

/** A round of ours and a round of the baseline, each answering the figure it reached. */
export interface Contest {
  readonly name: string;
  readonly unit: string;
  ours(round: number): Promise<number>;
  baseline(round: number): Promise<number>;
}

export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * Runs both in turn, the first pair as a warm-up that does not count, and swaps who begins each round, so that neither
 * always finds the machine as the other left it.
 */
export async function measure(contest: Contest, rounds: number, report: (line: string) => void): Promise<BenchResult> {
  const ours: number[] = [];
  const baseline: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const first = round % 2 === 0;
    let our = first ? await contest.ours(round) : Number.NaN;
    const base = await contest.baseline(round);
    if (!first) our = await contest.ours(round);
    const label = round === 0 ? "warm-up" : `round ${round}`;
    report(`${contest.name}, ${label}: ${our.toFixed(0)} against ${base.toFixed(0)} ${contest.unit}`);
    if (round === 0) continue;
    ours.push(our);
    baseline.push(base);
  }
  return {
    name: contest.name,
    unit: contest.unit,
    median: median(ours),
    min: Math.min(...ours),
    max: Math.max(...ours),
    baseline: median(baseline),
    ratio: median(ours.map((figure, round) => figure / (baseline[round] ?? Number.NaN))),
  };
}

/** Figures by name, one for each round. */
export type Rounds = ReadonlyMap<string, readonly number[]>;

/** Somebody whose figure is taken once in each round. */
export interface Contestant {
  readonly name: string;
  /** Answers the figure that it reached. Round 0 is the warm-up. */
  readonly run: (round: number) => Promise<number>;
}

/**
 * Runs all of them in turn in each round, a warm-up before that does not count. Each round begins with the next one, so that
 * nobody always comes after the same or always first.
 */
export async function measureAll(
  contestants: readonly Contestant[],
  rounds: number,
  report: (line: string) => void,
): Promise<Rounds> {
  const figures = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const { name, run } of rotated(contestants, round)) {
      const figure = await run(round);
      report(`${name}, ${round === 0 ? "warm-up" : `round ${round}`}: ${figure.toFixed(1)}`);
      if (round > 0) figures.get(name)?.push(figure);
    }
  }
  return figures;
}

function rotated<T>(list: readonly T[], by: number): readonly T[] {
  const first = by % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}

/** The result of one of them against another: the ratio is the median of the rounds' own. */
export function against(rounds: Rounds, ours: string, theirs: string): Omit<BenchResult, "name" | "unit"> {
  const our = rounds.get(ours) ?? [];
  const their = rounds.get(theirs) ?? [];
  return {
    median: median(our),
    min: Math.min(...our),
    max: Math.max(...our),
    baseline: median(their),
    ratio: median(our.map((figure, round) => figure / (their[round] ?? Number.NaN))),
  };
}

/** The one of these with the largest median. */
export function greatest(rounds: Rounds, names: readonly string[]): string {
  const [first] = names.toSorted((a, b) => median(rounds.get(b) ?? []) - median(rounds.get(a) ?? []));
  if (first === undefined) throw new Error("the greatest of none");
  return first;
}

/** The figure that `share` of them do not exceed, such as 0.99: the smallest such one that was measured. */
export function percentile(figures: readonly number[], share: number): number {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
