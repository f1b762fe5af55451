import { z } from "zod";
import { attentionCodes } from "../src/contract/change.ts";
import { type ActorType, type OperationKind, operationKinds, requestingActorTypes } from "../src/contract/operation.ts";
import { ruleOf } from "../src/contract/operations/index.ts";
import { rejectionCodes, rejectionSentences } from "../src/contract/rejection.ts";

/** The text of `docs/operations.md`: every kind, made from the registry of rules, and every code that a rule can answer. */
export function operationsDocument(): string {
  const asked = (by: (actors: readonly ActorType[]) => boolean) =>
    operationKinds.filter((kind) => by(ruleOf(kind).actors));
  const byPeople = asked((actors) => requestingActorTypes.some((type) => actors.includes(type)));
  return `${[
    "# Operations 契約操作",
    "Made from the rules by `npm run generate`; do not edit. What each kind does exactly, from which status, and when it is" +
      "\nrefused: its rule in `src/contract/operations/`, and its table in `test/fixtures/rules/`.",
    "## Asked for by people and their services",
    tableOf(byPeople),
    "## Brought by a date",
    "Asked for by the daily run alone, in this order for each date, oldest date first.",
    tableOf(asked((actors) => actors.includes("schedule"))),
    "## Reported by Stripe",
    "Made of Stripe's events. What is older than what is known changes nothing, and is noted as superseded.",
    tableOf(asked((actors) => actors.includes("stripe"))),
    "## Parameters",
    ...operationKinds.flatMap(parametersOf),
    "## Why an operation is rejected",
    "The first that applies answers: envelope and parameters, contract, actor, held, kind and payment method, status, dates," +
      "\nmoney, and last the plan that was expected.",
    rejections(),
    "## Attention",
    `An operation that succeeded may say that something is owed or odd: ${attentionCodes.map(code).join(", ")}.`,
  ].join("\n\n")}\n`;
}

function tableOf(kinds: readonly OperationKind[]): string {
  const rows = kinds.map((kind) => {
    const { button, summary, actors } = ruleOf(kind);
    return `| ${code(kind)} | ${button.ja} | ${button.en} | ${actors.join(", ")} | ${summary.ja}<br>${summary.en} |`;
  });
  return ["| kind | ボタン | button | asked by | 内容 what becomes true |", "|---|---|---|---|---|", ...rows].join(
    "\n",
  );
}

/** The parameters of a kind as a list; nothing for a kind that takes none. */
function parametersOf(kind: OperationKind): readonly string[] {
  const schema = z.toJSONSchema(ruleOf(kind).params, { io: "input", unrepresentable: "any" });
  const { properties = {}, required = [] } = schema;
  const rows = Object.entries(properties).map(([name, property]) => {
    const description = typeof property === "object" ? (property.description ?? "") : "";
    const isRequired = required.includes(name) ? "required" : "optional";
    return `| ${code(name)} | ${isRequired} | ${typeOf(property)} | ${description.replaceAll("|", "\\|")} |`;
  });
  if (rows.length === 0) return [];
  return [`### ${code(kind)}`, ["| name | | form | |", "|---|---|---|---|", ...rows].join("\n")];
}

function typeOf(property: z.core.JSONSchema.JSONSchema | boolean | undefined): string {
  if (typeof property !== "object") return "any";
  if (property.enum !== undefined) return property.enum.map((value) => code(String(value))).join(", ");
  if (property.const !== undefined) return code(String(property.const));
  if (property.anyOf !== undefined) return property.anyOf.map(typeOf).join(" or ");
  if (property.type === "array" && typeof property.items === "object" && !Array.isArray(property.items)) {
    return `list of ${typeOf(property.items)}`;
  }
  return property.format ?? String(property.type ?? "any");
}

function rejections(): string {
  const rows = rejectionCodes.map((name) => {
    const { ja, en } = rejectionSentences[name];
    return `| ${code(name)} | ${ja} | ${en} |`;
  });
  return ["| code | 日本語 | English |", "|---|---|---|", ...rows].join("\n");
}

function code(text: string): string {
  return `\`${text}\``;
}
