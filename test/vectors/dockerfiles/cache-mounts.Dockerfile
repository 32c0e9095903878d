# syntax=docker/dockerfile:1
FROM ubuntu:24.04
RUN rm -f /etc/apt/apt.conf.d/docker-clean; echo 'Binary::apt::APT::Keep-Downloaded-Packages "true";' > /etc/apt/apt.conf.d/keep-cache
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked,id=apt-cache-${TARGETARCH} \
  --mount=type=cache,target=/var/lib/apt,sharing=locked,id=apt-lib-$TARGETARCH$TARGETVARIANT \
  apt-get update && apt-get --no-install-recommends install -y gcc
RUN --mount=type=secret,id=aws,target=/root/.aws/credentials,required=true \
    --mount=type=ssh,id=default,mode=0600 \
    --mount=type=tmpfs,target=/scratch,size=64m \
    --network=none true
