import Stripe from "stripe";
import { onTestFinished } from "vitest";
import { previewOperation } from "../../../src/execution/preview-operation.ts";
import {
  beginReconcile,
  type Found,
  type ReconcileCheck,
  type ReconcileDeps,
  type ReconcileReport,
  reconcile,
} from "../../../src/reconcile/reconcile.ts";
import { Secret } from "../../../src/secret.ts";
import { createStripeGateway } from "../../../src/stripe/stripe-gateway.ts";
import { monthlyByCard } from "../../support/card-contracts.ts";
import { createExecutionBench, type ExecutionBench } from "../../support/execution.ts";
import { hurriedClock } from "../cli/set-up-command.ts";

/** An execution whose books are held against the stand-in. Nobody tells it what happens there. */
export interface BooksBench extends ExecutionBench {
  readonly sdk: Stripe;
  /** A change that somebody makes on the dashboard. */
  readonly onDashboard: { readonly idempotencyKey: string };
  readonly gateway: ReturnType<typeof createStripeGateway>;
  /** Looks through all contracts, from the beginning unless told; gives what was found and how it ended. */
  lookThrough(overrides?: LookOptions, check?: ReconcileCheck): Promise<Looked>;
  /** Carries out whatever is open, as workers would, until nothing is. */
  drain(): Promise<void>;
  contract(id: string): Promise<Record<string, unknown>>;
}

/** As the command: `--repair`, or `--with-refunds`. */
export type LookOptions = Omit<Partial<ReconcileDeps>, "repair"> & { readonly repair?: boolean | "with_refunds" };

/** How a look that repairs foresees what it would ask for. */
export function repairingOf(
  { deps, gateway }: Pick<BooksBench, "deps" | "gateway">,
  repair: boolean | "with_refunds",
): ReconcileDeps["repair"] {
  if (repair === false) return null;
  const { db, business, clock } = deps;
  return {
    foresee: (wanted) => previewOperation({ db, gateway, business, clock }, wanted),
    mayRefund: repair === "with_refunds",
  };
}

export interface Looked {
  readonly report: ReconcileReport;
  readonly found: readonly Found[];
  /** The differences' types, sorted, `busy` and `unread` among them. */
  readonly types: readonly string[];
}

export async function setUpBooks(): Promise<BooksBench> {
  const bench = await createExecutionBench();
  onTestFinished(() => bench.close());
  const { stripe, sql, db } = bench;
  const sdk = new Stripe(stripe.secretKey, {
    host: "127.0.0.1",
    port: stripe.port,
    protocol: "http",
    telemetry: false,
    maxNetworkRetries: 0,
  });
  const gateway = createStripeGateway({
    secretKey: new Secret(stripe.secretKey),
    apiBase: stripe.url,
    maxNetworkRetries: 0,
  });
  onTestFinished(() => gateway.close());
  let changes = 0;
  return {
    ...bench,
    sdk,
    onDashboard: {
      get idempotencyKey() {
        changes += 1;
        return `dashboard-${changes}`;
      },
    },
    gateway,
    async lookThrough({ repair = false, ...overrides } = {}, check) {
      const found: Found[] = [];
      const deps = {
        db,
        connection: gateway,
        clock: hurriedClock(),
        zone: "Asia/Tokyo",
        repair: repairingOf({ deps: bench.deps, gateway }, repair),
        onFound: (each: Found) => void found.push(each),
        stopping: new AbortController().signal,
        ...overrides,
      };
      const report = await reconcile(deps, check ?? (await beginReconcile(db, "command")));
      const types = found.map((each) => (each.type === "difference" ? each.difference.type : each.type)).toSorted();
      return { report, found, types };
    },
    async drain() {
      for (;;) {
        const open = await sql`select id from keiyaku.operations where state = 'requested' order by sequence`;
        if (open.length === 0) return;
        for (const { id } of open) await bench.execute(id as string);
      }
    },
    async contract(id) {
      const [row] = await sql`select * from keiyaku.contracts where id = ${id}`;
      if (row === undefined) throw new Error(`no contract ${id}`);
      return row;
    },
  };
}

/** A monthly contract by card with its ids at Stripe, in its second period. */
export async function addMonthly(bench: BooksBench, options: { readonly suspended?: boolean } = {}) {
  const { contractId, subscriptionId, openInvoiceId } = await monthlyByCard(bench, options);
  const tail = subscriptionId.slice("sub_".length);
  return {
    contractId,
    subscriptionId,
    invoiceId: openInvoiceId,
    tail,
    customerId: `cus_${tail}`,
    priceId: `price_${tail}`,
  };
}
