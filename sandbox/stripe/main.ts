import { parseArgs } from "node:util";
import { startStripeStandIn } from "./stripe-stand-in.ts";

/**
 * The stand-in as a process of its own:
 * `node --import tsx sandbox/stripe/main.ts --port 12111 --state .keiyaku/stripe.ndjson [--refuse-automatic-keys]`.
 * Prints one line of JSON, with its URL, once it answers; ends on SIGTERM and SIGINT.
 */
const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    state: { type: "string" },
    "refuse-automatic-keys": { type: "boolean", default: false },
  },
});

const port = Number(values.port);
if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${values.port} is not a port`);

const standIn = await startStripeStandIn({
  port,
  ...(values.state === undefined ? {} : { stateFile: values.state }),
  refuseAutomaticKeys: values["refuse-automatic-keys"],
});
process.stdout.write(`${JSON.stringify({ url: standIn.url })}\n`);

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => void standIn.stop());
}
