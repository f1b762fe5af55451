import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Parser } from "@asyncapi/parser";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { catalogJobs, eventJobs, operationJobs, queueNames } from "../../../src/queue/payloads.ts";

const text = readFileSync(join(import.meta.dirname, "..", "..", "..", "schemas", "asyncapi.json"), "utf8");

interface Message {
  readonly payload: { readonly $ref: string };
  readonly examples: readonly { readonly payload: object }[];
}

describe("the AsyncAPI document", () => {
  it("is valid AsyncAPI 3.0, with a channel for each queue that others write to, on both backends", async () => {
    const { document, diagnostics } = await new Parser().parse(text);
    expect(diagnostics.filter(({ severity }) => severity <= 1)).toEqual([]);
    expect(document?.version()).toBe("3.0.0");
    const channels = document?.channels().all() ?? [];
    expect(channels.map((channel) => channel.address())).toEqual(queueNames.filter((name) => name !== "maintenance"));
    expect(
      channels.map((channel) =>
        channel
          .messages()
          .all()
          .map((message) => message.name()),
      ),
    ).toEqual([[operationJobs.request], Object.values(catalogJobs), Object.values(eventJobs)]);
    expect(
      document
        ?.servers()
        .all()
        .map((server) => server.id()),
    ).toEqual(["redis", "postgres"]);
  });

  it("would be found invalid with a message that is not there", async () => {
    const broken = JSON.parse(text);
    broken.operations.takePut.messages = [{ $ref: "#/channels/catalog/messages/price" }];
    const { diagnostics } = await new Parser().parse(JSON.stringify(broken));
    expect(diagnostics.filter(({ severity }) => severity <= 1)).not.toEqual([]);
  });

  it("has an example of each message, and its schemas take it and refuse another", () => {
    const { components } = JSON.parse(text);
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    ajv.addSchema({ $id: "urn:keiyaku:document", components });
    for (const [name, message] of Object.entries<Message>(components.messages)) {
      const validate = ajv.compile({ $ref: `urn:keiyaku:document${message.payload.$ref}` });
      const [example] = message.examples;
      expect({ name, taken: validate(example?.payload) }).toEqual({ name, taken: true });
      expect({ name, taken: validate({ ...example?.payload, v: 2 }) }).toEqual({ name, taken: false });
    }
  });

  it("tells the prefix of each queue on Redis, and options that leave no personal data behind", () => {
    const { channels, components } = JSON.parse(text);
    expect(channels.operations["x-bullmq-queue"]).toEqual({ name: "operations", prefix: "{keiyaku-operations}" });
    expect(channels.catalog["x-bullmq-queue"]).toEqual({ name: "catalog", prefix: "{keiyaku-catalog}" });
    expect(channels["stripe-events"]["x-bullmq-queue"]).toEqual({
      name: "stripe-events",
      prefix: "{keiyaku-stripe-events}",
    });
    for (const message of ["request", "product", "customer", "delivery"]) {
      const { options } = components.messages[message]["x-bullmq-job"];
      expect(options).toMatchObject({ removeOnComplete: true, attempts: expect.any(Number) });
    }
    for (const message of ["customer", "delivery"]) {
      expect(components.messages[message]["x-bullmq-job"].options).toMatchObject({ removeOnFail: true });
    }
  });
});
