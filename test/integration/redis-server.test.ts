import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { findRedisServer, type RedisServerOptions, startRedisServer } from "../support/redis-server.ts";

async function start(options?: RedisServerOptions) {
  const server = await startRedisServer(options);
  onTestFinished(() => server.stop());
  return server;
}

function connectTo({ url }: { url: string }): Redis {
  const redis = new Redis(url, { retryStrategy: () => null });
  redis.on("error", () => undefined);
  onTestFinished(() => redis.disconnect());
  return redis;
}

describe.skipIf(findRedisServer() === undefined)("startRedisServer", () => {
  it("gives a server on 127.0.0.1 that evicts nothing and takes no snapshots", async () => {
    const redis = connectTo(await start());

    expect(await redis.config("GET", "maxmemory-policy")).toEqual(["maxmemory-policy", "noeviction"]);
    expect(await redis.config("GET", "save")).toEqual(["save", ""]);
    expect(await redis.config("GET", "bind")).toEqual(["bind", "127.0.0.1"]);
    expect(await redis.config("GET", "appendonly")).toEqual(["appendonly", "no"]);
  });

  it("keeps what it acknowledged through a kill when it writes append-only", async () => {
    const dir = await mkdtemp(join(tmpdir(), "keiyaku-redis-test-"));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    const first = await start({ appendOnly: true, dir });
    await connectTo(first).set("kept", "seven");
    process.kill(first.pid, "SIGKILL");
    await first.stop();

    const second = await start({ appendOnly: true, dir, port: first.port });
    expect(second.port).toBe(first.port);
    expect(await connectTo(second).get("kept")).toBe("seven");
  });

  it("is gone when its stop resolves, even while it is paused", async () => {
    const server = await start();
    process.kill(server.pid, "SIGSTOP");
    await Promise.all([server.stop(), server.stop()]);

    expect(() => process.kill(server.pid, 0)).toThrow("ESRCH");
  });

  it("tells the server's own words when the wanted port is taken", async () => {
    const { port } = await start();

    await expect(start({ port })).rejects.toThrow(/said:.*Address already in use/s);
  });
});

describe("findRedisServer", () => {
  it("finds nothing where the PATH has none", () => {
    vi.stubEnv("PATH", "/nowhere::/dev");
    onTestFinished(() => void vi.unstubAllEnvs());

    expect(findRedisServer()).toBeUndefined();
  });
});
