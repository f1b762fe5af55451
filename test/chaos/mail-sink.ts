import { type MailServer, startMailServer } from "../support/mail-server.ts";

/** A mail as it was taken by the mail server, by what tells one from another. */
export interface SunkMail {
  readonly messageId: string;
  readonly to: string;
}

/** A mail server that can go away and come back on its port. What it has taken it remembers over that. */
export interface MailSink {
  readonly url: string;
  taken(): readonly SunkMail[];
  /** Refuses connections, after having cut the next conversation once it has the whole mail. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export async function openMailSink(): Promise<MailSink> {
  let server: MailServer | undefined = await startMailServer();
  const { port, url } = server;
  const earlier: SunkMail[] = [];
  const present = (): readonly SunkMail[] =>
    (server?.received ?? []).flatMap(({ messageId = "", handedInTo }) => handedInTo.map((to) => ({ messageId, to })));
  const goAway = async () => {
    const leaving = server;
    if (leaving === undefined) return;
    await leaving.stop();
    earlier.push(...present());
    server = undefined;
  };
  return {
    url,
    taken: () => [...earlier, ...present()],
    goAway,
    async comeBack() {
      server ??= await startMailServer({ port });
      // The first conversation after an outage is often the one that breaks: the mail is taken, and nobody is told.
      server.treat("cut");
    },
    close: goAway,
  };
}
