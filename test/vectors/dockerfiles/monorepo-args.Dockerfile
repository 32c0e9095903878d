# syntax=docker/dockerfile:1.10
ARG REGISTRY=registry.example.com:5000/
ARG REGISTRY_HOST=${REGISTRY%/}
ARG NODE_TAG=v22.11.0-bookworm
ARG NODE_VERSION=${NODE_TAG#v}
ARG NODE_MAJOR=${NODE_VERSION%%.*}
ARG DISTRO=${NODE_TAG##*-}
ARG SHORT=${NODE_VERSION//./}
ARG BUILD_DATE
ARG GIT_SHA=unknown
ARG LABEL_TITLE="The app, \"as built\""

FROM ${REGISTRY_HOST}/base/node:${NODE_VERSION%-*} AS node
FROM ${REGISTRY_HOST}/base/node:${NODE_MAJOR}-${DISTRO} AS tools

FROM node AS deps
WORKDIR /repo
COPY --parents package.json packages/*/package.json ./
RUN --mount=type=cache,id=npm-${TARGETARCH},target=/root/.npm npm ci

FROM deps AS build
ARG WORKSPACE=web
COPY . .
RUN npm run build --workspace=${WORKSPACE}

FROM tools AS final
ARG GIT_SHA
ARG BUILD_DATE
LABEL org.opencontainers.image.revision=${GIT_SHA} \
      org.opencontainers.image.created="${BUILD_DATE:-1970-01-01T00:00:00Z}"
COPY --from=build /repo/packages/web/dist /srv
