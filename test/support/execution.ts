import { type StripeStandIn, startStripeStandIn } from "../../sandbox/stripe/stripe-stand-in.ts";
import { systemClock } from "../../src/clock.ts";
import type { OperationRequest } from "../../src/contract/operation.ts";
import type { ExecutionDeps } from "../../src/execution/deps.ts";
import { executeOperation } from "../../src/execution/execute-operation.ts";
import type { AttemptReport } from "../../src/execution/outcome.ts";
import { prepareMail } from "../../src/mail/prepare-mail.ts";
import { Secret } from "../../src/secret.ts";
import { type Acceptance, acceptRequest } from "../../src/store/accept-request.ts";
import type { Ringing } from "../../src/store/ring-list.ts";
import { createStripeGateway } from "../../src/stripe/stripe-gateway.ts";
import { policy } from "./facts.ts";
import { claimedMail, sender } from "./mails.ts";
import { createTestStore, silentLog, type TestStore } from "./test-database.ts";

/** An execution without queue and workers: the test is the queue, and sees every bell. */
export interface ExecutionBench extends TestStore {
  readonly deps: ExecutionDeps;
  readonly stripe: StripeStandIn;
  readonly bells: (Ringing & { cause: string; delayMs: number })[];
  readonly stopping: AbortController;
  accept(
    request: Partial<OperationRequest> & Pick<OperationRequest, "id" | "kind" | "contractId">,
  ): Promise<Acceptance>;
  execute(operationId: string): Promise<AttemptReport>;
  /** Accepts and executes; returns the ledger's row. */
  perform(
    request: Partial<OperationRequest> & Pick<OperationRequest, "id" | "kind" | "contractId">,
  ): Promise<Record<string, unknown>>;
  operation(operationId: string): Promise<Record<string, unknown>>;
}

export async function createExecutionBench(overrides: Partial<ExecutionDeps> = {}): Promise<ExecutionBench> {
  const store = await createTestStore();
  const stripe = await startStripeStandIn({ refuseAutomaticKeys: true });
  const bells: ExecutionBench["bells"] = [];
  const stopping = new AbortController();
  const gateway = createStripeGateway({
    secretKey: new Secret(stripe.secretKey),
    apiBase: stripe.url,
    timeoutMs: 2_000,
    maxNetworkRetries: 0,
  });
  const deps: ExecutionDeps = {
    db: store.db,
    gateway,
    clock: systemClock,
    log: silentLog,
    bells: { ring: async (ringing, cause, delayMs) => void bells.push({ ...ringing, cause, delayMs }) },
    business: { zone: "Asia/Tokyo", policy },
    brakes: { refundLimitMinor: null, refundLimitPerHourMinor: null },
    stopping: stopping.signal,
    ...overrides,
  };
  const bench: ExecutionBench = {
    ...store,
    deps,
    stripe,
    bells,
    stopping,
    accept: (request) =>
      acceptRequest(
        store.db,
        { actor: { type: "operator", id: "op-1" }, params: {}, requestedAt: new Date().toISOString(), ...request },
        Date.now(),
      ),
    execute: (operationId) => executeOperation(deps, operationId),
    async perform(request) {
      await bench.accept(request);
      await bench.execute(request.id);
      return bench.operation(request.id);
    },
    async operation(operationId) {
      const [row] = await store.sql`select * from keiyaku.operations where id = ${operationId}`;
      if (row === undefined) throw new Error(`no operation ${operationId}`);
      return row;
    },
    async close() {
      await stripe.stop();
      try {
        await everyMailCanBeWritten(store);
      } finally {
        await store.close();
      }
    },
  };
  return bench;
}

/** Throws if something that lies in the outbox has no mail, or says what no mail of its kind has a place for. */
async function everyMailCanBeWritten({ sql }: TestStore): Promise<void> {
  const rows = await sql`select distinct kind, recipient, detail from keiyaku.notifications`;
  for (const { kind, recipient, detail } of rows) {
    const mail = prepareMail(claimedMail({ kind, recipient, detail }), sender);
    if (typeof mail === "string") {
      throw new Error(`${mail}: ${String(kind)} to ${String(recipient)}, ${JSON.stringify(detail)}`);
    }
  }
}

/** Parameters of `register` for a monthly contract paid by bank transfer; override what the test is about. */
export function monthlyTerms(overrides: Record<string, unknown> = {}) {
  return {
    productId: "magazine",
    product: { id: "magazine", kind: "monthly", priceMinor: 1980 },
    customerId: "customer-1",
    customer: { id: "customer-1", email: "hanako@example.com", name: "山田 花子" },
    kind: "monthly",
    paymentMethod: "bank_transfer",
    priceMinor: 1980,
    initialFeeMinor: 3000,
    startOn: "2024-10-08",
    ...overrides,
  };
}
