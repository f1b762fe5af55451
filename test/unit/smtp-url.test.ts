import { describe, expect, it } from "vitest";
import { parseMailAddress } from "../../src/mail-address.ts";
import { parseSmtpUrl } from "../../src/smtp-url.ts";

function read(text: string) {
  const parsed = parseSmtpUrl(text);
  if (parsed.type === "mistaken") return parsed.mistake;
  const { login, ...rest } = parsed.options;
  return { ...rest, ...(login === null ? {} : { as: `${login.user}:${login.password.reveal()}` }) };
}

describe("SMTP_URL", () => {
  it.each([
    ["smtp://mail.example.com", { host: "mail.example.com", port: 587, tls: "offered" }],
    ["smtp://mailpit:1025/", { host: "mailpit", port: 1025, tls: "offered" }],
    ["smtps://mail.example.com", { host: "mail.example.com", port: 465, tls: "always" }],
    ["smtp://u:p%40ss@mail.example.com:25", { host: "mail.example.com", port: 25, tls: "required", as: "u:p@ss" }],
    ["smtp://u:p@127.0.0.1:25", { host: "127.0.0.1", port: 25, tls: "offered", as: "u:p" }],
    ["smtp://[::1]:25", { host: "::1", port: 25, tls: "offered" }],
    ["smtp://mail.example.com?tls=off", { host: "mail.example.com", port: 587, tls: "off" }],
  ])("%s is read", (text, options) => {
    expect(read(text)).toEqual(options);
  });

  it.each([
    ["mail.example.com:25", "must begin with smtp://"],
    ["smtp://u:p/w@mail.example.com", "percent-encode"],
    ["smtp://u:p?w@mail.example.com", "percent-encode"],
    ["smtp://mail.example.com/path", "cannot be read as a URL"],
    ["smtp://u@mail.example.com", "both a user and a password"],
    ["smtp://mail.example.com?pool=true", "only tls=off is"],
    ["smtps://mail.example.com?tls=off", "smtps:// is TLS"],
    ["smtp://u:geheim@mail.example.com?tls=off", "would send readably"],
    ["smtp://u:ge%heim@mail.example.com", "%25"],
  ])("%s is a mistake, told without what may be secret", (text, says) => {
    expect(read(text)).toContain(says);
    expect(read(text)).not.toContain("heim");
  });

  it("does not show its password", () => {
    expect(JSON.stringify(parseSmtpUrl("smtp://u:geheim@mail.example.com"))).not.toContain("geheim");
  });
});

describe("an address", () => {
  it.each([
    ["a@example.com", { name: "", address: "a@example.com" }],
    [" 契約係 <a@example.com> ", { name: "契約係", address: "a@example.com" }],
    ['"A, B" <a@example.com>', { name: "A, B", address: "a@example.com" }],
    ["a@b@example.com", undefined],
    ["nobody", undefined],
    ["A <a@example.com> B", undefined],
    ["<>", undefined],
  ])("%s is read", (text, address) => {
    expect(parseMailAddress(text)).toEqual(address);
  });
});
