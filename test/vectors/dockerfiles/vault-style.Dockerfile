# Copyright (c) Example, Inc.
## DOCKERHUB DOCKERFILE ##
FROM alpine:3 AS default

ARG BIN_NAME=vault
# NAME and PRODUCT_VERSION are the name of the software in releases.hashicorp.com
# and the version to download. Example: NAME=vault PRODUCT_VERSION=1.2.3.
ARG NAME=vault
ARG PRODUCT_VERSION
ARG PRODUCT_REVISION
# TARGETARCH and TARGETOS are set automatically when --platform is provided.
ARG TARGETOS TARGETARCH

LABEL name="Vault" \
      version=${PRODUCT_VERSION} \
      revision=${PRODUCT_REVISION}

COPY LICENSE /usr/share/doc/$NAME/LICENSE.txt
ENV NAME=$NAME
RUN addgroup ${NAME} && adduser -S -G ${NAME} ${NAME}
COPY dist/$TARGETOS/$TARGETARCH/$BIN_NAME /bin/
EXPOSE 8200
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["server", "-dev"]

## UBI DOCKERFILE ##
FROM registry.access.redhat.com/ubi9/ubi-minimal:9.5 AS ubi
RUN set -eux; \
    microdnf install -y ca-certificates gnupg openssl libcap tzdata procps shadow-utils util-linux tar
COPY dist/$TARGETOS/$TARGETARCH/$BIN_NAME /bin/
USER ${NAME}
