import { describe, expect, it } from "vitest";
import { writeLetter } from "../../../src/mail/letter.ts";

const letter = {
  subject: "A subject\r\nBcc: eve@example.com",
  blocks: ["A sentence.", { facts: [["Name", "<b>&\"'"]] as const }, { command: "keiyaku contract show c-1" }],
};

describe("a letter", () => {
  it("says the same as text and as HTML, and lets nobody's words become markup or a header", () => {
    const { subject, text, html } = writeLetter(letter, "en");
    expect(subject).toBe("A subject Bcc: eve@example.com");
    expect(text).toBe("A sentence.\n\n  Name: <b>&\"'\n\n  keiyaku contract show c-1\n");
    expect(html).toContain("&lt;b&gt;&amp;&quot;&#39;");
    expect(html).not.toContain("<b>");
    expect(html).toContain('<html lang="en">');
    expect(html).not.toMatch(/https?:|src=|<script/);
  });

  it("writes facts as each language does", () => {
    expect(writeLetter(letter, "ja").text).toContain("  Name：<b>");
  });

  it("takes out what turns the direction of writing, in which a false name could hide", () => {
    expect(writeLetter({ subject: "a\u202Eb\u2066c", blocks: [] }, "en").subject).toBe("a b c");
  });
});
