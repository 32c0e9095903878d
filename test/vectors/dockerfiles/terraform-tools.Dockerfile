#!/usr/bin/env -S docker build --file
# syntax=docker/dockerfile:1
ARG TERRAFORM_VERSION=1.10.4
ARG TFLINT_TAG=v0.54.0
FROM hashicorp/terraform:${TERRAFORM_VERSION} AS terraform
FROM ghcr.io/terraform-linters/tflint:${TFLINT_TAG} AS tflint
FROM ghcr.io/terraform-linters/tflint-bundle:${TFLINT_TAG#v} AS bundle

FROM alpine:3.21@sha256:56fa17d2a7e7f168a043a2712e63aed1f8543aeafdcee47c58dcffe38ed51099
ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://example.com/tool.tar.gz /
ADD --keep-git-dir=true https://github.com/example/modules.git#v1.0 /modules
COPY --from=terraform --link /bin/terraform /usr/local/bin/
COPY --from=tflint --link --exclude=*.md /usr/local/bin/tflint /usr/local/bin/
COPY --from=bundle /root/.tflint.d /root/.tflint.d
RUN --security=sandbox --device=vendor.example/gpu=all true || true
