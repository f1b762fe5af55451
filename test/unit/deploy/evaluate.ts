/**
 * Evaluates what of PromQL our alarms about rates use, on figures that a test makes up: sums of increases, their shares, and
 * comparisons joined by `and` and `or`. Prometheus' own tool is no npm package.
 */

/** A counter's series: how much it has grown within each range that an expression asks for. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly grown: Readonly<Record<string, number>>;
}

/** A value for each set of labels, by the labels as text. A number has none. */
type Vector = ReadonlyMap<string, number>;

const tokens = /\s*("[^"]*"|[a-z_]+|[\d.]+[smhd]?|=~|!~|!=|==|[()[\]{},=<>/+-])/giy;

/** The labels' sets for which an alarm fires, each with its value. */
export function evaluate(expression: string, series: readonly Series[]): Vector {
  const words: string[] = [];
  tokens.lastIndex = 0;
  for (let match = tokens.exec(expression); match !== null; match = tokens.exec(expression)) words.push(match[1] ?? "");
  const parser = new Parser(words, series);
  const vector = parser.or();
  if (words.length > 0) throw new Error(`left of the expression: ${words.join(" ")}`);
  return vector;
}

class Parser {
  readonly #words: string[];
  readonly #series: readonly Series[];

  constructor(words: string[], series: readonly Series[]) {
    this.#words = words;
    this.#series = series;
  }

  or(): Vector {
    let left = this.#and();
    while (this.#take("or")) left = new Map([...this.#and(), ...left]);
    return left;
  }

  #and(): Vector {
    let left = this.#comparison();
    while (this.#take("and")) {
      const isOnNothing = this.#take("on") && this.#expect("(") && this.#expect(")");
      const right = this.#comparison();
      left = new Map([...left].filter(([labels]) => (isOnNothing ? right.size > 0 : right.has(labels))));
    }
    return left;
  }

  #comparison(): Vector {
    const left = this.#sum();
    if (!this.#take(">")) return left;
    const limit = this.#sum().get("") ?? Number.NaN;
    return new Map([...left].filter(([, value]) => value > limit));
  }

  #sum(): Vector {
    let left = this.#quotient();
    while (this.#take("+")) {
      const right = this.#quotient();
      left = combine(left, right, (a, b) => a + b);
    }
    return left;
  }

  #quotient(): Vector {
    let left = this.#primary();
    while (this.#take("/")) {
      const right = this.#primary();
      left = combine(left, right, (a, b) => a / b);
    }
    return left;
  }

  #primary(): Vector {
    if (this.#take("(")) {
      const inner = this.or();
      this.#expect(")");
      return inner;
    }
    if (this.#take("sum")) {
      const by = this.#take("by") ? this.#labels() : [];
      this.#expect("(");
      this.#expect("increase");
      this.#expect("(");
      const vector = this.#increase(by);
      this.#expect(")");
      this.#expect(")");
      return vector;
    }
    return new Map([["", Number(this.#words.shift())]]);
  }

  #labels(): string[] {
    const labels: string[] = [];
    this.#expect("(");
    while (!this.#take(")")) {
      labels.push(this.#words.shift() ?? "");
      this.#take(",");
    }
    return labels;
  }

  #increase(by: readonly string[]): Vector {
    const name = this.#words.shift();
    const matches: ((labels: Series["labels"]) => boolean)[] = [];
    if (this.#take("{")) {
      while (!this.#take("}")) {
        const [label = "", operator, quoted = ""] = this.#words.splice(0, 3);
        const pattern = new RegExp(`^(?:${quoted.slice(1, -1)})$`);
        matches.push((labels) => pattern.test(labels[label] ?? "") === !operator?.startsWith("!"));
        this.#take(",");
      }
    }
    this.#expect("[");
    const range = this.#words.shift() ?? "";
    this.#expect("]");
    const sums = new Map<string, number>();
    for (const { name: of, labels, grown } of this.#series) {
      if (of !== name || !matches.every((match) => match(labels))) continue;
      const key = by.map((label) => labels[label] ?? "").join(",");
      sums.set(key, (sums.get(key) ?? 0) + (grown[range] ?? 0));
    }
    return sums;
  }

  #take(word: string): boolean {
    if (this.#words[0] !== word) return false;
    this.#words.shift();
    return true;
  }

  #expect(word: string): true {
    if (!this.#take(word)) throw new Error(`${word} was expected before: ${this.#words.join(" ")}`);
    return true;
  }
}

function combine(left: Vector, right: Vector, by: (a: number, b: number) => number): Vector {
  return new Map(
    [...left].flatMap(([labels, a]) => {
      const b = right.get(labels);
      return b === undefined ? [] : [[labels, by(a, b)] as const];
    }),
  );
}
