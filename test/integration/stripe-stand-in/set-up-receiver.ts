import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { eventually } from "../../support/eventually.ts";

export interface Received {
  readonly body: string;
  readonly signature: string;
}

/**
 * A server that is told of events. It answers with `answers` in turn and then with 200, unless `respond` is given, which
 * then decides when and what is answered.
 */
export async function setUpReceiver(respond?: (response: ServerResponse, received: Received) => void) {
  const received: Received[] = [];
  const answers: number[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const event = {
        body: Buffer.concat(chunks).toString("utf8"),
        signature: String(request.headers["stripe-signature"]),
      };
      received.push(event);
      if (respond !== undefined) respond(response, event);
      else response.writeHead(answers.shift() ?? 200, { location: "http://127.0.0.1:9/" }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/stripe`;
  const until = async (count: number) =>
    eventually(async () => received.length >= count, { withinMs: 10_000, describe: `${count} deliveries` });
  return { url, received, answers, until };
}
