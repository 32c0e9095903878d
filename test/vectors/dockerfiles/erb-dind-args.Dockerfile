ARG BASE_IMAGE=ubuntu
ARG BASE_TAG
ARG BASE_DIGEST
ARG ORG=acme
FROM ${BASE_IMAGE}:${BASE_TAG:-24.04}${BASE_DIGEST:+@${BASE_DIGEST}} AS root
ARG ORG
LABEL org=$ORG
FROM root AS child
ARG http_proxy
RUN test -z "$http_proxy" || echo proxied
MAINTAINER someone@example.com
FROM child as grandchild
COPY --chown=0:0 --from=root /etc/os-release /etc/os-release.orig
