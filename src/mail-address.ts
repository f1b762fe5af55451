/** Somebody's address, with the name that stands before it. */
export interface MailAddress {
  /** Empty when there is none. */
  readonly name: string;
  readonly address: string;
}

const bare = /^[^\s@<>,;:"]+@[^\s@<>,;:"]+$/;

/** Reads `somebody@example.com` or `Their name <somebody@example.com>`. Undefined for anything else. */
export function parseMailAddress(text: string): MailAddress | undefined {
  const [, name = "", inBrackets] = /^([^<>]*?)\s*<([^<>]*)>$/.exec(text.trim()) ?? [];
  const address = (inBrackets ?? text).trim();
  if (!bare.test(address)) return undefined;
  return { name: name.trim().replace(/^"(.*)"$/, "$1"), address };
}
