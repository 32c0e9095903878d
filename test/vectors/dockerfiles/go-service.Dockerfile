# syntax=docker/dockerfile:1

ARG GO_VERSION=1.24
ARG ALPINE_VERSION=3.21

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-alpine${ALPINE_VERSION} AS base
WORKDIR /src
ENV CGO_ENABLED=0
RUN apk add --no-cache git

FROM base AS vendored
RUN --mount=type=bind,target=.,rw \
    --mount=type=cache,target=/go/pkg/mod \
    go mod tidy && go mod vendor

FROM base AS build
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
RUN --mount=target=. \
    --mount=type=cache,id=gocache-$TARGETARCH,target=/root/.cache/go-build \
    --mount=type=cache,target=/go/pkg/mod <<EOT
  set -ex
  GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags "-s -w -X main.version=${VERSION#v}" -o /out/service ./cmd/service
  test -x /out/service
EOT

FROM build AS test
RUN --mount=target=. --mount=type=cache,target=/go/pkg/mod go test ./...

FROM scratch AS binary
COPY --from=build /out/service /

FROM gcr.io/distroless/static-debian12:nonroot
COPY --link --from=binary /service /usr/local/bin/service
USER nonroot:nonroot
EXPOSE 8080/tcp
ENTRYPOINT ["service"]
