# syntax=docker/dockerfile:1
FROM golangci/golangci-lint:v1.62-alpine AS golangci-lint
FROM golang:1.23-alpine AS base
WORKDIR /src
FROM base AS lint
RUN --mount=type=bind,target=. \
    --mount=type=bind,from=golangci-lint,source=/usr/bin/golangci-lint,target=/usr/bin/golangci-lint \
    --mount=type=cache,target=/root/.cache \
    golangci-lint run --timeout 10m0s ./...
FROM base AS gen
RUN --mount=from=bufbuild/buf:1.47,source=/usr/local/bin/buf,target=/usr/bin/buf \
    --mount=type=cache,from=base,source=/go/pkg,target=/go/pkg \
    buf generate
FROM scratch AS update
COPY --from=gen /src/api /api
