import { userInfo } from "node:os";
import { requestingActorTypes } from "../contract/operation.ts";
import { CommandFailure } from "./command-failure.ts";
import { exitCodes } from "./exit-codes.ts";

/** Somebody who asks through a door. */
export interface RequestingActor {
  readonly type: (typeof requestingActorTypes)[number];
  readonly id: string;
}

/** Reads `--actor TYPE:ID`, such as `operator:alice`. Not given, it is the operator that this machine's user is. */
export function readActor(text: string | undefined): RequestingActor {
  if (text === undefined) return { type: "operator", id: userName() };
  const colon = text.indexOf(":");
  const type = requestingActorTypes.find((known) => known === text.slice(0, colon));
  const id = text.slice(colon + 1);
  if (colon === -1 || type === undefined || id === "" || id.length > 128) {
    throw new CommandFailure(exitCodes.wrongUsage, {
      code: "invalid_actor",
      sentence: `--actor is ${JSON.stringify(text)} and must be ${requestingActorTypes.join(", ")} with a name after a colon.`,
      remedy: "Write it as --actor operator:alice.",
    });
  }
  return { type, id };
}

/** Reads the actor of what only operators decide, and returns who it is. */
export function readOperatorId(text: string | undefined): string {
  const { type, id } = readActor(text);
  if (type === "operator") return id;
  throw new CommandFailure(exitCodes.wrongUsage, {
    code: "invalid_actor",
    sentence: `Only an operator decides about this, and --actor names a ${type}.`,
    remedy: "Write it as --actor operator:alice.",
  });
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that no user has.
    return "command-line";
  }
}
