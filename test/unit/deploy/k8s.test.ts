import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import type { Console } from "../../../src/cli/context.ts";
import { runProgram } from "../../../src/cli/program.ts";
import { settingNames } from "../../../src/config.ts";
import { version } from "../../../src/version.ts";

const folder = join(import.meta.dirname, "../../../deploy/k8s");

const probeSchema = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) });
const containerSchema = z.object({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()),
  envFrom: z.array(z.object({ configMapRef: z.object({ name: z.string() }) })),
  env: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  ports: z.array(z.object({ name: z.string(), containerPort: z.number() })).default([]),
  livenessProbe: probeSchema.optional(),
  readinessProbe: probeSchema.optional(),
  startupProbe: probeSchema.optional(),
  securityContext: z.object({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.object({ drop: z.tuple([z.literal("ALL")]) }),
  }),
  resources: z.object({
    requests: z.object({ cpu: z.string(), memory: z.string() }),
    limits: z.object({ memory: z.string() }),
  }),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string(), readOnly: z.literal(true) })),
});
const podSchema = z.object({
  metadata: z.object({ labels: z.record(z.string(), z.string()) }),
  spec: z.object({
    terminationGracePeriodSeconds: z.number().optional(),
    automountServiceAccountToken: z.literal(false),
    securityContext: z.object({ runAsNonRoot: z.literal(true), runAsUser: z.number().positive() }),
    containers: z.tuple([containerSchema]),
    volumes: z.array(
      z.object({ name: z.string(), secret: z.object({ secretName: z.string(), defaultMode: z.literal(0o440) }) }),
    ),
  }),
});
const selectorSchema = z.object({ matchLabels: z.record(z.string(), z.string()) });
const metadata = z.strictObject({ name: z.string(), labels: z.record(z.string(), z.string()) });
const objectSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("Deployment"),
    metadata,
    spec: z.object({
      replicas: z.number().min(2),
      selector: selectorSchema,
      strategy: z.object({ rollingUpdate: z.object({ maxSurge: z.number(), maxUnavailable: z.number() }) }),
      template: podSchema,
    }),
  }),
  z.object({ kind: z.literal("Job"), metadata, spec: z.object({ backoffLimit: z.number(), template: podSchema }) }),
  z.object({
    kind: z.literal("Service"),
    metadata,
    spec: z.object({
      selector: z.record(z.string(), z.string()),
      ports: z.array(z.object({ name: z.string(), port: z.number(), targetPort: z.string() })),
    }),
  }),
  z.object({
    kind: z.literal("PodDisruptionBudget"),
    metadata,
    spec: z.object({ maxUnavailable: z.literal(1), selector: selectorSchema }),
  }),
  z.object({ kind: z.literal("ConfigMap"), metadata, data: z.record(z.string(), z.string()) }),
  z.object({ kind: z.literal("Secret"), metadata, stringData: z.record(z.string(), z.string()) }),
]);
type KubernetesObject = z.infer<typeof objectSchema>;

const objects = readdirSync(folder)
  .filter((name) => name.endsWith(".yaml"))
  .flatMap((name) => parseAllDocuments(readFileSync(join(folder, name), "utf8")))
  .map((document): KubernetesObject => objectSchema.parse((document as { toJS(): unknown }).toJS()));

function ofKind<Kind extends KubernetesObject["kind"]>(kind: Kind) {
  return objects.filter((object): object is Extract<KubernetesObject, { kind: Kind }> => object.kind === kind);
}

const config = ofKind("ConfigMap")[0]?.data ?? {};
const secret = ofKind("Secret")[0]?.stringData ?? {};
const deployments = ofKind("Deployment");
const pods = [...deployments, ...ofKind("Job")].map(({ metadata: { name }, spec }) => ({ name, ...spec.template }));

async function helpOf(...args: readonly string[]): Promise<number> {
  const output = { write: () => undefined, terminal: null, hasColors: false };
  const console: Console = { out: output, err: output, ask: null };
  return runProgram(console, [...args, "--help"]);
}

describe("deploy/k8s", () => {
  it("has a worker, an API, a relay, a migration, their services and budgets, settings and an example of secrets", () => {
    expect(objects.map(({ kind, metadata: { name } }) => `${kind} ${name}`).toSorted()).toEqual([
      "ConfigMap keiyaku",
      "Deployment keiyaku-api",
      "Deployment keiyaku-relay",
      "Deployment keiyaku-worker",
      "Job keiyaku-migrate",
      "PodDisruptionBudget keiyaku-api",
      "PodDisruptionBudget keiyaku-relay",
      "PodDisruptionBudget keiyaku-worker",
      "Secret keiyaku",
      "Service keiyaku-api",
      "Service keiyaku-api-internal",
      "Service keiyaku-relay",
      "Service keiyaku-relay-internal",
      "Service keiyaku-worker-internal",
    ]);
  });

  it.each(pods)("$name is given settings that the program reads, and no other", ({ spec }) => {
    const [{ env, envFrom }] = spec.containers;
    expect(envFrom).toEqual([{ configMapRef: { name: "keiyaku" } }]);
    for (const name of [...Object.keys(config), ...env.map((one) => one.name)]) {
      expect(settingNames).toContain(name);
    }
  });

  it.each(pods)("$name reads each secret from a file that is mounted", ({ spec }) => {
    const [{ env, volumeMounts }] = spec.containers;
    const [mount] = volumeMounts;
    expect(spec.volumes).toMatchObject([{ name: mount?.name, secret: { secretName: "keiyaku" } }]);
    for (const { name, value } of env.filter((one) => one.name !== "STRIPE_LIMIT_SHARE")) {
      expect(name).toMatch(/_FILE$/);
      expect(Object.keys(secret).map((key) => `${mount?.mountPath}/${key}`)).toContain(value);
    }
    expect(env.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["DATABASE_URL_FILE", "STRIPE_SECRET_KEY_FILE"]),
    );
  });

  it("has no setting that is a secret among those that are none, and no real value in the example", () => {
    expect(Object.keys(config).filter((name) => /KEY|TOKEN|SECRET|PASSWORD|URL/.test(name))).toEqual([]);
    for (const value of Object.values(secret)) expect(value).toContain("CHANGE_ME");
  });

  it.each(pods)("$name runs a command that exists, of this version's image", async ({ spec }) => {
    const [{ args, image }] = spec.containers;
    expect(image).toBe(`keiyaku:${version}`);
    expect(await helpOf(args[0] ?? "")).toBe(0);
  });

  it("starts the API and the relay in a deployment each, and everything else in a third", () => {
    expect(deployments.map(({ spec }) => spec.template.spec.containers[0].args)).toEqual([
      ["start", "api"],
      ["start", "relay"],
      ["start"],
    ]);
  });

  it.each(deployments)("$metadata.name waits longer before it kills than the program takes to stop", ({ spec }) => {
    expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(Number(config.SHUTDOWN_TIMEOUT) + 5);
  });

  it.each(deployments)("$metadata.name is probed on the port of health, by the paths that answer there", ({ spec }) => {
    const [{ livenessProbe, readinessProbe, startupProbe, ports }] = spec.template.spec.containers;
    expect(livenessProbe?.httpGet).toEqual({ path: "/healthz", port: "internal" });
    expect(startupProbe?.httpGet).toEqual({ path: "/healthz", port: "internal" });
    expect(readinessProbe?.httpGet).toEqual({ path: "/readyz", port: "internal" });
    expect(ports).toContainEqual({ name: "internal", containerPort: Number(config.HTTP_PORT) });
    expect(config.HTTP_HOST).toBe("0.0.0.0");
  });

  it.each([
    ["api", "API_TOKENS_FILE", config.API_PORT],
    ["relay", "STRIPE_WEBHOOK_SECRETS_FILE", config.RELAY_PORT],
  ])("opens the %s on the port that its settings say, and gives its secret to no other", (component, setting, port) => {
    const withSecret = deployments.filter(({ spec }) =>
      spec.template.spec.containers[0].env.some(({ name }) => name === setting),
    );
    expect(withSecret.map(({ metadata: { name } }) => name)).toEqual([`keiyaku-${component}`]);
    expect(withSecret[0]?.spec.template.spec.containers[0].ports).toContainEqual({
      name: component,
      containerPort: Number(port),
    });
  });

  it("keeps within what Stripe allows the account, also while an update is rolled out; the relay asks Stripe nothing", () => {
    const asking = deployments.filter(({ metadata: { name } }) => name !== "keiyaku-relay");
    const shares = asking.map(({ spec: { replicas, strategy, template } }) => {
      const share = template.spec.containers[0].env.find(({ name }) => name === "STRIPE_LIMIT_SHARE")?.value;
      return (replicas + strategy.rollingUpdate.maxSurge) * Number(share);
    });
    expect(shares).toHaveLength(2);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeLessThan(100);
  });

  it("gives the mail server to the worker alone, and says from whom and to whom mail goes", () => {
    const senders = deployments.filter(({ spec }) =>
      spec.template.spec.containers[0].env.some(({ name }) => name === "SMTP_URL_FILE"),
    );
    expect(senders.map(({ metadata: { name } }) => name)).toEqual(["keiyaku-worker"]);
    expect(config).toMatchObject({ MAIL_FROM: expect.any(String), OPERATOR_MAIL: expect.any(String) });
  });

  it("keeps Redis from the relay, which has no need of it", () => {
    const relay = deployments.find(({ metadata: { name } }) => name === "keiyaku-relay");
    expect(relay?.spec.template.spec.containers[0].env.map(({ name }) => name)).not.toContain("REDIS_URL_FILE");
  });

  it("selects in each service and budget the pods of one deployment, by ports that they have", () => {
    const labelled = deployments.map(({ spec }) => spec.template.metadata.labels);
    for (const { spec } of deployments) expect(spec.template.metadata.labels).toEqual(spec.selector.matchLabels);
    for (const { spec } of ofKind("PodDisruptionBudget")) expect(labelled).toContainEqual(spec.selector.matchLabels);
    for (const { spec } of ofKind("Service")) {
      expect(labelled).toContainEqual(spec.selector);
      const component = spec.selector["app.kubernetes.io/component"];
      const pod = pods.find(({ name }) => name === `keiyaku-${component}`);
      for (const { port, targetPort } of spec.ports) {
        expect(pod?.spec.containers[0].ports).toContainEqual({ name: targetPort, containerPort: port });
      }
    }
  });
});
