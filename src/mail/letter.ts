import type { Locale } from "./language.ts";

/** A mail before it is text or HTML: both are made of the same blocks, and so say the same. */
export interface Letter {
  readonly subject: string;
  readonly blocks: readonly Block[];
}

/** A paragraph; facts, each a name and a value; or a command to be typed. */
export type Block =
  | string
  | { readonly facts: readonly (readonly [name: string, value: string])[] }
  | { readonly command: string };

/** A letter as it is sent. */
export interface WrittenMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** Writes a letter out in both forms. The HTML escapes everything and asks for nothing from elsewhere. */
export function writeLetter({ subject, blocks }: Letter, locale: Locale): WrittenMail {
  const oneLine = plain(subject);
  return { subject: oneLine, text: textOf(blocks, locale), html: htmlOf(oneLine, blocks, locale) };
}

/** Somebody's words made fit for one line: what could end a line or hide in it becomes a blank. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+/gu, " ").trim();
}

function textOf(blocks: readonly Block[], locale: Locale): string {
  const colon = locale === "ja" ? "：" : ": ";
  const written = blocks.map((block) => {
    if (typeof block === "string") return plain(block);
    if ("command" in block) return `  ${plain(block.command)}`;
    return block.facts.map(([name, value]) => `  ${name}${colon}${plain(value)}`).join("\n");
  });
  return `${written.join("\n\n")}\n`;
}

const styles = {
  body: "font-family:sans-serif;line-height:1.7;color:#222;max-width:40em;margin:1.5em auto;padding:0 1em",
  name: "text-align:left;font-weight:normal;color:#666;padding:.2em 1.5em .2em 0;vertical-align:top",
  value: "padding:.2em 0;vertical-align:top",
  command: "background:#f3f3f3;padding:.7em 1em;white-space:pre-wrap",
};

function htmlOf(subject: string, blocks: readonly Block[], locale: Locale): string {
  return `${[
    "<!doctype html>",
    `<html lang="${locale}">`,
    `<head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>`,
    `<body style="${styles.body}">`,
    ...blocks.map(htmlOfBlock),
    "</body>",
    "</html>",
  ].join("\n")}\n`;
}

function htmlOfBlock(block: Block): string {
  if (typeof block === "string") return `<p>${escapeHtml(plain(block))}</p>`;
  if ("command" in block) return `<pre style="${styles.command}">${escapeHtml(plain(block.command))}</pre>`;
  const rows = block.facts.map(
    ([name, value]) =>
      `<tr><th style="${styles.name}">${escapeHtml(name)}</th><td style="${styles.value}">${escapeHtml(plain(value))}</td></tr>`,
  );
  return ["<table>", ...rows, "</table>"].join("\n");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}
