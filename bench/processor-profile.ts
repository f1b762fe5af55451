import { type Profiler, Session } from "node:inspector/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

type Shares = readonly (readonly [owner: string, share: number])[];

/** How often the profiler looks, in microseconds: a thousand times a second would see too little of statements of 0.1 ms. */
const intervalMicroseconds = 200;

/** Does some work, and tells whose code this process ran meanwhile. */
export async function profileProcessor<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly shares: Shares }> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: intervalMicroseconds });
  await session.post("Profiler.start");
  const result = await work();
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();
  return { result, shares: sharesOf(profile) };
}

/** Share of the busy time by owner of the code that ran, the greatest first; time in which nothing ran is left out. */
export function sharesOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Shares {
  const owners = new Map(nodes.map(({ id, callFrame }) => [id, ownerOf(callFrame)]));
  const times = new Map<string, number>();
  let busy = 0;
  for (const [index, id] of samples.entries()) {
    const owner = owners.get(id) ?? "unknown";
    const time = timeDeltas[index] ?? 0;
    if (owner === "idle") continue;
    busy += time;
    times.set(owner, (times.get(owner) ?? 0) + time);
  }
  return [...times].map(([owner, time]) => [owner, time / busy] as const).toSorted(([, a], [, b]) => b - a);
}

/** The root of the project, as the engine names files in it. */
const root = pathToFileURL(join(import.meta.dirname, "..")).href;

/** Whose a function is: a package, a folder of ours, Node, the engine's own work, or nobody's, when nothing ran. */
function ownerOf({ functionName, url }: Profiler.Profile["nodes"][number]["callFrame"]): string {
  if (functionName === "(idle)") return "idle";
  if (functionName === "(garbage collector)") return "garbage collection";
  if (functionName === "(program)") return "the system and native code";
  if (url === "" || url.startsWith("node:")) return "node";
  const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
  if (name !== undefined) return name;
  const [, folder] = /^\/(src\/[^/]+|[^/]+)/.exec(url.replace(root, "")) ?? [];
  return folder ?? "other";
}
