import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mailDocuments } from "../../scripts/mail-documents.ts";
import { noticeKinds } from "../../src/contract/change.ts";

test("docs/mail/ is what the templates say now, of every kind; npm run generate writes it", () => {
  const folder = join(import.meta.dirname, "../../docs/mail");
  const written = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]));
  expect(written).toEqual(new Map(mailDocuments()));
  expect([...written.keys()].toSorted()).toEqual(["README.md", ...noticeKinds.map((kind) => `${kind}.md`)].toSorted());
});
