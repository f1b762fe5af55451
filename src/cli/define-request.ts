import { Argument, Option } from "commander";
import type { OperationKind } from "../contract/operation.ts";
import { requestableKinds } from "../contract/operations/index.ts";
import type { Define } from "./define.ts";
import { collect, jsonOption, planDigest, positiveSeconds, reasonText } from "./option-values.ts";
import type { RequestOptions } from "./request.ts";

/** `keiyaku request KIND CONTRACT`. */
export const defineRequest: Define = (parent, run) => {
  parent
    .command("request")
    .description("request an operation on a contract")
    .addArgument(new Argument("<kind>", "what is to be done").choices(requestableKinds))
    .argument("<contract>", "the contract's id")
    .option("--id <id>", "the idempotency key; a fresh UUID unless given")
    .option("--actor <type:name>", "who asks, such as operator:alice (default: this user as operator)")
    .option("--reason <text>", "why", reasonText)
    .addOption(new Option("--params <json>", "the parameters as a JSON object").conflicts("param"))
    .option("--param <key=value>", "one parameter, repeatable; the value is JSON, or else text", collect, undefined)
    .option("--expect-plan <digest>", "carry it out only if it would do what this preview said", planDigest)
    .option("--wait <seconds>", "wait for the outcome, at most so long", positiveSeconds)
    .addOption(jsonOption())
    .action((kind: OperationKind, contractId: string, { wait, ...options }: GivenOptions) => {
      const waiting = wait === undefined ? {} : { waitMs: wait };
      return run(async (context) =>
        (await import("./request.ts")).request(context, { kind, contractId, ...options, ...waiting }),
      );
    });
};

interface GivenOptions extends Omit<RequestOptions, "kind" | "contractId" | "waitMs"> {
  /** Already in milliseconds. */
  readonly wait?: number;
}
