import { defineConfig } from "drizzle-kit";

/** Where drizzle-kit finds the tables and writes the migrations. Applying them is `keiyaku migrate`'s affair. */
export default defineConfig({
  dialect: "postgresql",
  schema: "./src/store/schema/index.ts",
  out: "./drizzle",
  schemaFilter: ["keiyaku"],
});
