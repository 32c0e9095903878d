ARG BASEIMAGE=registry.k8s.io/build-image/debian-base:bookworm-v1.0.4
ARG GOIMAGE=golang:1.23.4
FROM --platform=${BUILDPLATFORM} ${GOIMAGE} AS builder
ARG TARGETOS TARGETARCH
ARG pkg ldflags
WORKDIR /workspace
COPY go.mod go.mod
COPY go.sum go.sum
ENV GOPROXY=${goproxy:-https://goproxy.example.com}
RUN go mod download
COPY ./ ./
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} \
    go build -trimpath -ldflags "${ldflags} -extldflags '-static'" \
    -o manager ${pkg}

FROM ${BASEIMAGE}
RUN clean-install iptables
COPY --from=builder /workspace/manager .
USER 65532
ENTRYPOINT ["/manager"]
