# syntax=docker/dockerfile:1

ARG GO_VERSION=1.23
ARG ALPINE_VERSION=3.21
ARG DOCKER_VERSION=27.5.1
ARG COMPOSE_VERSION=v2.32.4
ARG BUILDKIT_VERSION=v0.19.0

FROM --platform=$BUILDPLATFORM tonistiigi/xx:1.6.1 AS xx
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-alpine${ALPINE_VERSION} AS golatest
FROM moby/moby-bin:$DOCKER_VERSION AS docker-engine
FROM dockereng/cli-bin:$DOCKER_VERSION AS docker-cli
FROM moby/buildkit:$BUILDKIT_VERSION AS buildkit
FROM docker/compose-bin:$COMPOSE_VERSION AS compose

FROM golatest AS gobase
COPY --from=xx / /
RUN apk add --no-cache file git
WORKDIR /src

FROM scratch AS binaries-unix
COPY --link --from=gobase /usr/bin/docker-buildx /buildx
FROM binaries-unix AS binaries-darwin
FROM binaries-unix AS binaries-linux
FROM scratch AS binaries-windows
COPY --link --from=gobase /usr/bin/docker-buildx /buildx.exe
FROM binaries-$TARGETOS AS binaries
ARG BUILDKIT_SBOM_SCAN_STAGE=true

FROM docker-engine AS integration
COPY --link --from=docker-cli / /opt/docker/
COPY --link --from=compose /docker-compose /usr/bin/compose
COPY --link --from=buildkit /usr/bin/buildkitd /usr/bin/
COPY --link --from=binaries /buildx /usr/bin/
