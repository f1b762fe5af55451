import { createHash } from "node:crypto";
import { explainRejection } from "../contract/rejection.ts";
import type { AcceptedOperation } from "../store/accept-request.ts";
import { readOperationRecord } from "../store/read-operation-record.ts";
import { askLedger, untilAnswered } from "./ask-ledger.ts";
import type { CommandContext } from "./context.ts";
import type { BadLine, ImportLine } from "./read-import-line.ts";

type ContractLine = Extract<ImportLine, { readonly type: "contract" }>;

/** What the ledger said to a contract's line. `open` means that its operation is still to be carried out. */
export type ImportedContract =
  | { readonly type: "accepted"; readonly sequence: number }
  | { readonly type: "known"; readonly sequence: number; readonly open: boolean }
  | { readonly type: "bad"; readonly bad: BadLine };

/** A person who corrects a line for the hundredth time is a program that does not. */
const timesMax = 100;

/**
 * Asks the ledger to register the contract of a line. The id is made of the contract's, so the same line is the same
 * operation however often it is imported. A line whose registration was rejected or abandoned is asked again under the
 * next id, since it may have been corrected, or what it lacked may be there now.
 */
export async function importContract(
  context: Pick<CommandContext, "db" | "clock" | "signal">,
  { contractId, params }: ContractLine,
): Promise<ImportedContract> {
  for (let time = 1; time <= timesMax; time += 1) {
    const id = importId(contractId, time);
    const request = { id, kind: "register", contractId, actor: { type: "service", id: "import" }, params };
    const acceptance = await askLedger(context, request);
    switch (acceptance.answer) {
      case "accepted":
        return { type: "accepted", sequence: acceptance.operation.sequence };
      case "duplicate": {
        const known = await judgeDuplicate(context, acceptance.operation);
        if (known !== "ask again") return known;
        break;
      }
      case "id_reused":
        if (await cameToNothing(context, id)) break;
        return badContract("imported_differently", `was imported before with other content (operation ${id})`, {
          remedy: "An import changes no contract: take the line out, or request operations.",
        });
      case "invalid_request":
        return badContract("invalid_field", acceptance.problem, { field: acceptance.field });
    }
  }
  return badContract("rejected_too_often", `was rejected ${timesMax} times`, {
    remedy: `See why: \`keiyaku operation list --contract ${contractId}\`.`,
  });
}

/**
 * The id of a contract's registration by import, the same each time; the number tells a repeated one from the first. It
 * stands before the contract's id, where no other contract's can be mistaken for it.
 */
export function importId(contractId: string, time: number): string {
  const number = time === 1 ? "" : String(time);
  const id = `import${number}-${contractId}`;
  if (id.length <= 64) return id;
  return `import${number}h-${createHash("sha256").update(contractId).digest("hex").slice(0, 40)}`;
}

async function judgeDuplicate(
  context: Pick<CommandContext, "db" | "clock" | "signal">,
  { id, sequence, state }: AcceptedOperation,
): Promise<ImportedContract | "ask again"> {
  if (state === "abandoned") return "ask again";
  if (state !== "rejected") return { type: "known", sequence, open: state !== "succeeded" };
  const record = await untilAnswered(context, () => readOperationRecord(context.db, id));
  const { rejectionCode, rejectionDetail } = record?.operation ?? {};
  if (rejectionCode === "contract_exists") return { type: "known", sequence, open: false };
  if (rejectionCode !== "contract_deleted") return "ask again";
  const rejection = { code: rejectionCode, detail: rejectionDetail ?? {} };
  return badContract(rejectionCode, explainRejection(rejection, "en").replace(/\.$/, ""), {
    remedy: "A deleted contract's id is not used again: give the line another one.",
  });
}

/** Whether the operation of an id ended without registering anything, so that other content may be asked for. */
async function cameToNothing(
  context: Pick<CommandContext, "db" | "clock" | "signal">,
  operationId: string,
): Promise<boolean> {
  const record = await untilAnswered(context, () => readOperationRecord(context.db, operationId));
  return record?.operation.state === "rejected" || record?.operation.state === "abandoned";
}

function badContract(
  code: string,
  problem: string,
  { field = null, remedy = "Correct the field and import the file again." }: { field?: string | null; remedy?: string },
): ImportedContract {
  return { type: "bad", bad: { code, field, problem, remedy } };
}
