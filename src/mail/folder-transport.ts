import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compose } from "./compose.ts";
import type { MailTransport } from "./mail.ts";

/** Puts each mail into a folder, as a file that a mail program opens. For trying out: nobody is sent anything. */
export function createFolderTransport(dir: string): MailTransport {
  return {
    async send(mail) {
      const content = await compose(mail);
      const path = join(dir, `${mail.name}.eml`);
      try {
        await mkdir(dir, { recursive: true });
        // Whole or not at all, for whoever watches the folder.
        await writeFile(`${path}.part`, content);
        await rename(`${path}.part`, path);
      } catch (error) {
        return { type: "later", problem: (error as NodeJS.ErrnoException).code ?? "folder", isCommon: true };
      }
      return { type: "sent" };
    },
  };
}
