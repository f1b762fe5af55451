/** What has to be closed at the end, last opened first. */
export class Closing {
  readonly #closers: (() => Promise<unknown>)[] = [];
  #closed: Promise<void> | undefined;

  /** Remembers how to close something. What is opened while all is being closed is closed at once. */
  async add(close: () => Promise<unknown>): Promise<void> {
    if (this.#closed === undefined) this.#closers.push(close);
    else await close();
  }

  /** Closes everything, whatever fails, and the same once and for all. Returns what failed. */
  close(onFailure: (error: unknown) => void): Promise<void> {
    this.#closed ??= (async () => {
      for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
        await close().catch(onFailure);
      }
    })();
    return this.#closed;
  }
}
