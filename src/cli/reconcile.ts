import { previewOperation } from "../execution/preview-operation.ts";
import { differenceTypes, explainDifference, givesMoneyBack } from "../reconcile/difference.ts";
import { NotTold } from "../reconcile/look-at-stripe.ts";
import {
  beginReconcile,
  type Found,
  findUnfinishedReconcile,
  isTakenCareOf,
  type ReconcileCheck,
  type ReconcileCounts,
  type ReconcileDeps,
  type ReconcileReport,
  reconcile as reconcileAll,
  reconcileOne,
} from "../reconcile/reconcile.ts";
import { readBooks } from "../store/read-books.ts";
import type { AskedRepair } from "../store/request-repair.ts";
import type { Fault } from "../stripe/fault.ts";
import { createStripeGateway } from "../stripe/stripe-gateway.ts";
import { businessOf } from "./business-of.ts";
import { CommandFailure } from "./command-failure.ts";
import type { CommandContext } from "./context.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { paint, plainText, writeJson, writeLine } from "./output.ts";
import { nothingToResume, overtaken } from "./resuming.ts";
import { showFacts } from "./show-table.ts";
import { withProgress } from "./with-progress.ts";

export interface ReconcileOptions {
  /** Only this contract. */
  readonly contractId?: string;
  /** Whether to ask for the operations that put right what they can. */
  readonly repair?: boolean;
  /** Whether also to ask for those that give money back. */
  readonly withRefunds?: boolean;
  /** Whether to go on with the last one that was interrupted. */
  readonly resume?: boolean;
  readonly json?: boolean;
}

/** Holds the contracts by card against Stripe, tells every difference, and ends with what they come to. */
export async function reconcile(context: CommandContext, options: ReconcileOptions): Promise<ExitCode> {
  const { stripe, config, clock, db, signal } = context;
  if (stripe === null) throw new Error("books are held against Stripe");
  const connection = createStripeGateway(stripe);
  const deps: ReconcileDeps = {
    db,
    connection,
    clock,
    zone: config.businessTimeZone,
    repair:
      options.repair === true
        ? {
            foresee: (wanted) =>
              previewOperation({ db, gateway: connection, clock, signal, business: businessOf(config) }, wanted),
            mayRefund: options.withRefunds === true,
          }
        : null,
    onFound: (found) => (options.json === true ? writeJson(context.out, asJson(found)) : tell(context, found)),
    stopping: signal,
  };
  try {
    return summarise(context, await lookThrough(context, deps, options), options);
  } finally {
    connection.close();
  }
}

type FoundDifference = Extract<Found, { readonly type: "difference" }>;

async function lookThrough(
  context: CommandContext,
  deps: ReconcileDeps,
  { contractId, resume }: ReconcileOptions,
): Promise<ReconcileReport> {
  if (contractId !== undefined) return lookAtOne(deps, contractId);
  const check = await (resume === true
    ? findUnfinishedReconcile(deps.db, "command")
    : beginReconcile(deps.db, "command"));
  if (check === undefined) throw nothingToResume("reconcile");
  const words = ({ looked, total, counts }: ReconcileCheck) =>
    `${looked.toLocaleString("en")} of ${total.toLocaleString("en")} contracts, ${sumOf(counts).toLocaleString("en")} differences`;
  return withProgress(context, "Holding the books against Stripe", (progress) =>
    reconcileAll(
      { ...deps, onPage: (page) => progress(Math.min(page.looked / Math.max(page.total, 1), 1), words(page)) },
      check,
    ),
  );
}

async function lookAtOne(deps: ReconcileDeps, contractId: string): Promise<ReconcileReport> {
  const books = await readBooks(deps.db, contractId);
  if (books === undefined) {
    throw new CommandFailure(exitCodes.failed, {
      code: "contract_not_by_card",
      sentence: `There is no contract ${plainText(contractId, 64)} that is paid by card.`,
      remedy: "`keiyaku contract show` tells what is known of it.",
    });
  }
  const looked = { looked: 1, total: 1 };
  try {
    return { type: "finished", ...looked, counts: await reconcileOne(deps, books) };
  } catch (error) {
    if (!(error instanceof NotTold)) throw error;
    return {
      type: "failed",
      fault: error.fault,
      looked: 0,
      total: 1,
      counts: { differences: {}, asked: 0, busy: 0, unread: 0 },
    };
  }
}

function sumOf({ differences, asked }: Pick<ReconcileCounts, "differences" | "asked">): number {
  return Object.values(differences).reduce((sum, count) => sum + count, asked);
}

function asJson(found: Found): object {
  if (found.type !== "difference") return found;
  const { difference, asked, givesBack = false } = found;
  return { ...difference, type: "difference", difference: difference.type, ...inWords(found), asked, givesBack };
}

function inWords({ difference, givesBack }: FoundDifference) {
  const words = (language: "ja" | "en") => {
    const explained = explainDifference(difference, language);
    return givesBack === true ? { ...explained, remedy: givesMoneyBack[language] } : explained;
  };
  return { ja: words("ja"), en: words("en") };
}

function tell({ out }: CommandContext, found: Found): void {
  if (found.type === "busy") {
    writeLine(out, `${paint(out, "yellow", "busy")}  ${found.contractId}: it kept changing; look at it again later.`);
    return;
  }
  if (found.type === "unread") {
    writeLine(
      out,
      `${paint(out, "yellow", "unread")}  ${found.contractId}: Stripe did not tell (${wordOf(found.fault)}).`,
    );
    return;
  }
  const { difference, asked } = found;
  const { sentence, remedy } = inWords(found).en;
  writeLine(out, `${paint(out, "red", difference.type)}  ${difference.contractId}: ${plainText(sentence)}`);
  writeLine(out, paint(out, "dim", `  ${asked === null ? remedy : askedInWords(asked)}`));
}

function askedInWords(asked: AskedRepair): string {
  const { operationId, state } = asked;
  return isTakenCareOf(asked)
    ? `Operation ${operationId} puts it right (${state}).`
    : `Operation ${operationId} was to put it right and was ${state}: see \`keiyaku operation show\`.`;
}

/** 0: equal, or taken care of. 1: something is left for a person. 3: not everything could be looked at. */
function summarise(context: CommandContext, report: ReconcileReport, options: ReconcileOptions): ExitCode {
  const { out, signal } = context;
  const { looked, total, counts } = report;
  const left = sumOf({ ...counts, asked: 0 });
  if (options.json === true) {
    writeJson(out, { type: "summary", ended: report.type, looked, total, ...counts });
  } else {
    writeLine(out, `${looked.toLocaleString("en")} of ${total.toLocaleString("en")} contracts by card were looked at.`);
    for (const type of differenceTypes) {
      const count = counts.differences[type];
      if (count !== undefined) writeLine(out, `  ${type}: ${count.toLocaleString("en")}`);
    }
    const lines = [
      ["asked", counts.asked, "put right by operations that were asked for"],
      ["busy", counts.busy, "contracts that kept changing"],
      ["unread", counts.unread, "contracts of which Stripe did not tell"],
      ["left", left, "differences for a person"],
    ] as const;
    out.write(
      showFacts(
        out,
        lines.map(([name, count, words]) => [name, `${count.toLocaleString("en")} ${words}`]),
      ),
    );
  }
  switch (report.type) {
    case "failed":
      throw notTold(report.fault, options);
    case "overtaken":
      throw overtaken("reconcile");
    case "interrupted":
      writeLine(context.err, "Interrupted. `keiyaku reconcile --resume` goes on from here.");
      signal.throwIfAborted();
      return exitCodes.interrupted;
    case "finished":
      if (counts.busy + counts.unread > 0) return exitCodes.partlyFailed;
      return left > 0 ? exitCodes.failed : exitCodes.done;
  }
}

function wordOf(fault: Fault): string {
  return fault.type === "not_now" || fault.type === "unknown" ? fault.reason : fault.code;
}

function notTold(fault: Fault, { contractId }: ReconcileOptions): CommandFailure {
  const word = wordOf(fault);
  const isOurKey = word === "unauthorized" || word === "forbidden";
  const remedy = isOurKey
    ? "Set STRIPE_SECRET_KEY to a key of the right account that may read subscriptions, invoices, charges, payment intents and refunds."
    : "Check the way to api.stripe.com and status.stripe.com.";
  const again = contractId === undefined ? " `keiyaku reconcile --resume` goes on from where it stopped." : "";
  return new CommandFailure(isOurKey ? exitCodes.failed : exitCodes.tryLater, {
    code: `stripe_${word}`,
    sentence: `Stripe does not tell what was asked (${word}).`,
    remedy: `${remedy}${again}`,
  });
}
