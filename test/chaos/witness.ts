import { connectStandInControl } from "../../sandbox/stripe/control-client.ts";
import type { CallRow, Evidence, OperationRow, Tables } from "./judge/evidence.ts";
import { readTables } from "./judge/read-tables.ts";
import type { Producers } from "./producers/producers.ts";
import type { World } from "./world.ts";

/** Reads the world again and again, and keeps what was seen. */
export interface Witness {
  /** Looks at everything as it is now. Throws when PostgreSQL is away. */
  look(): Promise<Evidence>;
}

export function createWitness({ servers }: World, producers: Pick<Producers, "told">): Witness {
  // The stand-in is asked as any other program would ask it: over its control port.
  const stripe = connectStandInControl(servers.stripe.url);
  const ledger: Awaited<ReturnType<typeof stripe.ledger>> = [];
  let before: Tables | undefined;
  const seenCalls = new Map<string, CallRow>();
  const seenOperations = new Map<string, OperationRow>();

  return {
    async look() {
      // In this order: what is in the journal was written before it was sent, and what was told before it was asked for.
      const told = [...producers.told];
      ledger.push(...(await stripe.ledger(ledger.at(-1)?.sequence ?? 0)));
      const requests = await stripe.requests();
      const tables = await readTables(servers.sql);
      const mails = servers.mail.taken();
      for (const call of tables.calls) {
        const key = `${call.operation_id} ${call.name} ${call.idempotency_key ?? ""}`;
        // When time is made to pass, a call's moments move into the past: what was seen first is when it was.
        const first_sent_at_ms = seenCalls.get(key)?.first_sent_at_ms ?? call.first_sent_at_ms;
        seenCalls.set(key, { ...call, first_sent_at_ms });
      }
      for (const operation of tables.operations) seenOperations.set(operation.id, operation);
      const evidence: Evidence = {
        tables,
        before,
        seenCalls: [...seenCalls.values()],
        seenOperations: [...seenOperations.values()],
        ledger: [...ledger],
        requests,
        mails,
        told,
      };
      before = tables;
      return evidence;
    },
  };
}
