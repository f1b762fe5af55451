import type { Worker } from "bullmq";

/** From the worker's readiness to its n-th completed job, in seconds. */
export async function timeUntilDone(jobs: number, open: () => Worker): Promise<number> {
  const worker = open();
  worker.on("error", (error) => console.error(error));
  const beganMs = performance.now();
  await new Promise<void>((resolve, reject) => {
    let done = 0;
    worker.on("completed", () => {
      done += 1;
      if (done === jobs) resolve();
    });
    worker.on("failed", (_, error) => reject(error));
  });
  const seconds = (performance.now() - beganMs) / 1_000;
  await worker.close();
  return seconds;
}
