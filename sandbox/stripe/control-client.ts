import { createControl, type StandInControl } from "./control/control.ts";

/**
 * The control of a stand-in that runs in another process.
 *
 * @param url the stand-in's own, as `startStripeStandIn` gives it and `main.ts` prints it
 */
export function connectStandInControl(url: string): StandInControl {
  return createControl(async (name, argument) => {
    const answer = await fetch(`${url}/_control/${name}`, { method: "POST", body: JSON.stringify(argument) });
    const body = (await answer.json()) as { result?: unknown; error?: string };
    if (!answer.ok) throw new Error(body.error ?? `The stand-in answered ${answer.status}`);
    return body.result;
  });
}
