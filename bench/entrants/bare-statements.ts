import type { OperationRequest } from "../../src/contract/operation.ts";
import { confirmBare, confirmBareTogether } from "../confirmations.ts";
import type { BenchServers } from "../servers.ts";
import type { Entrant } from "./entrant.ts";
import { concurrency } from "./keiyaku.ts";

/*
 * What PostgreSQL takes for the rows alone, without any queue: the physical bound of this machine. One statement for each
 * operation, as many at a time as everywhere; and one for {@link together} operations, of which four at a time keep both cores busy.
 */

const together = 50;

export function statementForEach({ sql }: BenchServers): Entrant {
  return bound("bound_each", concurrency, 1, async ([request]) => {
    if (request !== undefined) await confirmBare(sql, request);
  });
}

export function statementForMany({ sql }: BenchServers): Entrant {
  return bound("bound_together", 4, together, (requests) => confirmBareTogether(sql, requests));
}

function bound(
  name: string,
  atOnce: number,
  size: number,
  write: (requests: readonly OperationRequest[]) => Promise<void>,
): Entrant {
  return {
    name,
    async enqueue(requests) {
      return {
        async drain() {
          let next = 0;
          const writeOn = async () => {
            while (next < requests.length) {
              const first = next;
              next += size;
              await write(requests.slice(first, next));
            }
          };
          const beganMs = performance.now();
          await Promise.all(Array.from({ length: atOnce }, writeOn));
          return (performance.now() - beganMs) / 1_000;
        },
        close: async () => undefined,
      };
    },
  };
}
