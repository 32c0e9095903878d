# syntax=docker/dockerfile:1
FROM --platform=$BUILDPLATFORM tonistiigi/xx:1.6.1 AS xx
FROM --platform=$BUILDPLATFORM rust:1.84-alpine AS build
COPY --from=xx / /
RUN apk add clang lld file
WORKDIR /src
ARG TARGETPLATFORM
RUN xx-apk add --no-cache musl-dev zlib-dev zlib-static gcc
RUN --mount=type=bind,source=.,target=/src,rw \
    --mount=type=cache,target=/usr/local/cargo/git/db \
    --mount=type=cache,target=/usr/local/cargo/registry/cache \
    --mount=type=cache,id=target-$TARGETPLATFORM,target=/build \
    xx-cargo build --release --target-dir /build && \
    xx-verify --static /build/$(xx-cargo --print-target-triple)/release/app && \
    cp /build/$(xx-cargo --print-target-triple)/release/app /usr/bin/app

FROM scratch
COPY --from=build /usr/bin/app /app
ENTRYPOINT ["/app"]
