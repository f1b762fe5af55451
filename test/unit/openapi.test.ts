import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { openApiFile, openApiText } from "../../scripts/generate-openapi.ts";
import { systemClock } from "../../src/clock.ts";
import { requestableKinds } from "../../src/contract/operations/index.ts";
import { createApi } from "../../src/http/api.ts";
import { problems } from "../../src/http/problem.ts";
import type { Database } from "../../src/store/database.ts";
import { simpleParts } from "../support/api.ts";

interface Document {
  readonly info: { readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Method>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly oneOf: readonly Kind[] }>> };
}
interface Method {
  readonly requestBody?: { readonly content: Readonly<Record<string, Content>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Content>> }>>;
}
interface Content {
  readonly examples?: Readonly<Record<string, unknown>>;
}
interface Kind {
  readonly properties: { readonly kind: { readonly const: string } };
}

const text = readFileSync(openApiFile, "utf8");
const document = JSON.parse(text) as Document;
const methodsOf = (path: string) => Object.keys(document.paths[path] ?? {}).filter((key) => key !== "parameters");
const everyMethod = Object.entries(document.paths).flatMap(([path, methods]) =>
  methodsOf(path).map((method) => [`${method.toUpperCase()} ${path}`, methods[method] as Method] as const),
);

describe("the OpenAPI document", () => {
  it("says what the code says; `npm run generate` writes it anew", () => {
    expect(text).toBe(openApiText());
  });

  it("is valid", async () => {
    const validator = new Validator();

    expect(await validator.validate(text)).toEqual({ valid: true });
    expect(validator.version).toBe("3.1");
  });

  it("has every route of the API, and no other", () => {
    const app = createApi({
      db: {} as Database,
      clock: systemClock,
      log: pino({ level: "silent" }),
      zone: "Asia/Tokyo",
      tokens: [],
      parts: simpleParts,
      endOf: () => expect.fail("nothing is asked"),
    });
    const routes = app.routes
      .filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);

    expect(everyMethod.map(([name]) => name).toSorted()).toEqual(routes.toSorted());
  });

  it("shows every problem that there is, or tells of it once for all paths", () => {
    const shown = everyMethod.flatMap(([, { responses }]) =>
      Object.values(responses).flatMap(({ content }) =>
        Object.keys(content?.["application/problem+json"]?.examples ?? {}),
      ),
    );
    const toldOnce = Object.keys(problems).filter((code) => document.info.description.includes(`\`${code}\``));

    expect([...new Set([...shown, ...toldOnce])].toSorted()).toEqual(Object.keys(problems).toSorted());
  });

  it.each(everyMethod)(
    "shows examples of what %s takes and refuses, and what it answers to the unauthorized",
    (_, method) => {
      for (const content of Object.values(method.requestBody?.content ?? {})) {
        expect(Object.keys(content.examples ?? {})).not.toEqual([]);
      }
      expect(Object.keys(method.responses)).toEqual(expect.arrayContaining(["401", "500", "503"]));
      for (const [status, { content }] of Object.entries(method.responses)) {
        const problem = content?.["application/problem+json"];
        if (Number(status) >= 400 && status !== "408") expect(Object.keys(problem?.examples ?? {})).not.toEqual([]);
      }
    },
  );

  it("has the parameters of every kind that comes through a door, and of no other", () => {
    const kinds = document.components.schemas.OperationRequest?.oneOf.map(({ properties }) => properties.kind.const);

    expect(kinds).toEqual(requestableKinds);
    expect(kinds).toContain("cancel");
    expect(kinds).not.toContain("renew");
    expect(kinds).not.toContain("record_payment");
  });
});
