import { record } from "../billing/effects.ts";
import { API_VERSION } from "../core/call.ts";
import type { Change } from "../core/change.ts";
import { defineEndpoint, type Endpoint } from "../core/endpoint.ts";
import { invalidRequest, notImitated, resourceMissing } from "../core/errors.ts";
import type { Effect } from "../core/ledger.ts";
import { listPage, readPageRequest } from "../core/list.ts";
import { changedMetadata, type Params } from "../core/params.ts";
import type { StoredWebhookEndpoint } from "../core/stored.ts";
import { shownEndpoint, webhookEndpointObject } from "../objects/webhook-endpoint.ts";

const PATH = "/v1/webhook_endpoints";

const create = defineEndpoint({
  method: "POST",
  path: PATH,
  params: ["url", "enabled_events[]", "api_version", "connect", "description", "metadata[]"],
  answers: "webhook_endpoint",
  read: (params) => {
    if (params.flag("connect") === true) throw notImitated("endpoints of connected accounts", "connect");
    return {
      url: readUrl(params) ?? params.requiredText("url"),
      enabledEvents: params.texts("enabled_events"),
      apiVersion: readApiVersion(params),
      description: params.text("description"),
      metadata: changedMetadata({}, params.metadata()),
    };
  },
  execute: (change, input) => {
    const endpoint = change.put(webhookEndpointObject({ ...input, created: change.now }));
    recordEndpoint(change, "webhook_endpoint.created", endpoint);
    // Never shown again.
    return { ...shownEndpoint(endpoint), secret: endpoint.unsent.secrets[0]?.secret ?? "" };
  },
});

const retrieve = defineEndpoint({
  method: "GET",
  path: `${PATH}/:id`,
  params: [],
  answers: "webhook_endpoint",
  read: (_params, id) => id,
  execute: (change, id) => shownEndpoint(endpointNamed(change, id)),
});

const list = defineEndpoint({
  method: "GET",
  path: PATH,
  params: ["limit", "starting_after", "ending_before"],
  answers: "webhook_endpoint",
  isList: true,
  read: readPageRequest,
  execute: ({ objects: { webhook_endpoint: collection } }, page) => {
    const matches = ({ status }: StoredWebhookEndpoint) => status !== "deleted";
    const found = listPage({ collection, matches, url: PATH, noun: "webhook endpoint" }, page);
    return { ...found, data: found.data.map(shownEndpoint) };
  },
});

const update = defineEndpoint({
  method: "POST",
  path: `${PATH}/:id`,
  params: ["url", "enabled_events[]", "disabled", "description", "metadata[]"],
  answers: "webhook_endpoint",
  read: (params, id) => ({
    id,
    url: readUrl(params),
    enabledEvents: params.has("enabled_events") ? params.texts("enabled_events") : undefined,
    isDisabled: params.flag("disabled"),
    description: params.textOrUnset("description"),
    metadata: params.metadata(),
  }),
  execute: (change, { id, url, enabledEvents, isDisabled, description, metadata }) => {
    const before = endpointNamed(change, id);
    const updated: StoredWebhookEndpoint = {
      ...before,
      ...(url === undefined ? {} : { url }),
      ...(enabledEvents === undefined ? {} : { enabled_events: enabledEvents }),
      ...(isDisabled === undefined ? {} : { status: isDisabled ? "disabled" : "enabled" }),
      ...(description === undefined ? {} : { description }),
      metadata: changedMetadata(before.metadata, metadata),
    };
    if (JSON.stringify(updated) !== JSON.stringify(before)) {
      recordEndpoint(change, "webhook_endpoint.updated", change.put(updated));
    }
    return shownEndpoint(updated);
  },
});

const remove = defineEndpoint({
  method: "DELETE",
  path: `${PATH}/:id`,
  params: [],
  answers: "webhook_endpoint",
  read: (_params, id) => id,
  execute: (change, id) => {
    const deleted = change.put({ ...endpointNamed(change, id), status: "deleted" as const });
    recordEndpoint(change, "webhook_endpoint.deleted", deleted);
    return { id, object: "webhook_endpoint" as const, deleted: true as const };
  },
});

export const webhookEndpointEndpoints: readonly Endpoint[] = [create, retrieve, list, update, remove];

function endpointNamed({ objects }: Change, id: string): StoredWebhookEndpoint {
  const endpoint = objects.webhook_endpoint.get(id);
  if (endpoint === undefined || endpoint.status === "deleted") {
    throw resourceMissing("webhook endpoint", id, "webhook_endpoint");
  }
  return endpoint;
}

function recordEndpoint(change: Change, effect: Effect, endpoint: StoredWebhookEndpoint): void {
  record(change, effect, endpoint, { status: endpoint.status, metadata: endpoint.metadata });
}

/** Stripe takes public addresses only. The stand-in takes any, since it can reach those of its own machine. */
function readUrl(params: Params): string | undefined {
  const url = params.text("url");
  if (url === undefined || (/^https?:/.test(url) && URL.canParse(url))) return url;
  throw invalidRequest("Invalid URL: an explicit scheme (such as https) must be provided.", {
    code: "url_invalid",
    param: "url",
  });
}

/** Events are rendered in one version only, so an endpoint may ask for that one. */
function readApiVersion(params: Params): string | undefined {
  const version = params.text("api_version");
  if (version === undefined || version === API_VERSION) return version;
  throw notImitated(`events in API version ${version}`, "api_version");
}
