import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The text of `docs/settings.md`: what `.env.example` says of every setting, as tables. */
export function settingsDocument(): string {
  const text = readFileSync(join(import.meta.dirname, "..", ".env.example"), "utf8");
  const sections = text.split(/^# --- (.+?) -+$/m).slice(1);
  const tables = sections.flatMap((title, index) =>
    index % 2 === 0 ? [`## ${title.trim()}`, tableOf(sections[index + 1] ?? "")] : [],
  );
  return `${[
    "# Settings",
    "Made from `.env.example` by `npm run generate`; do not edit. They come from the environment, and in a checkout from a file\n" +
      "`.env`. An empty value counts as not set; all mistakes are reported together when the program starts.",
    ...tables,
  ].join("\n\n")}\n`;
}

/** A setting is a line `NAME=value`, perhaps commented out, below the sentences about it; several may share them. */
function tableOf(section: string): string {
  const rows: string[] = [];
  let sentences: string[] = [];
  let isUsed = false;
  for (const line of section.split("\n")) {
    const setting = /^(?:# )?([A-Z][A-Z0-9_]+)=(.*)$/.exec(line);
    if (setting !== null) {
      const [, name = "", value = ""] = setting;
      const isExample = line.startsWith("#");
      const byDefault = value === "" || isExample ? "–" : code(value);
      const example = isExample && value !== "" ? ` For example ${code(value)}.` : "";
      rows.push(`| ${code(name)} | ${byDefault} | ${sentences.join(" ")}${example} |`);
      isUsed = true;
    } else if (line.startsWith("# ")) {
      if (isUsed) sentences = [];
      isUsed = false;
      sentences.push(line.slice(2).replaceAll("|", "\\|"));
    } else if (line === "") {
      sentences = [];
      isUsed = false;
    }
  }
  return ["| setting | default | |", "|---|---|---|", ...rows].join("\n");
}

function code(text: string): string {
  return `\`${text.replaceAll("|", "\\|")}\``;
}
