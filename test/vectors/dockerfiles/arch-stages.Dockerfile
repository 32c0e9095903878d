# syntax=docker/dockerfile:1
ARG ALPINE=3.21
FROM --platform=$BUILDPLATFORM alpine:${ALPINE} AS fetch
ARG TARGETARCH
RUN wget -O /tool.tar.gz "https://example.com/tool-${TARGETARCH}.tar.gz"

FROM alpine:${ALPINE} AS base-amd64
ENV ARCH=x86_64
FROM alpine:${ALPINE} AS base-arm64
ENV ARCH=aarch64
FROM base-${TARGETARCH} AS base

FROM base AS final
ADD --link --unpack=true https://example.com/rootfs-${TARGETARCH}.tar.xz /
COPY --from=fetch /tool.tar.gz /
RUN tar -xzf /tool.tar.gz
