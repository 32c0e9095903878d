# The command as a container image. `npm run image` prepares the build context, dist/image-client; nothing here reaches a network but FROM.
#
#   npm run image
#   docker build -t tagseal-client --build-arg VERSION=0.1.0 -f deploy/docker/client.Dockerfile dist/image-client
#
# The base needs glibc and the usual certificate authorities, and no more: no shell, no package manager.
ARG BASE=gcr.io/distroless/base-debian12:nonroot
FROM ${BASE}

COPY LICENSE /usr/share/doc/tagseal/copyright
COPY tagseal /usr/bin/tagseal
# A new volume takes over owner and mode of the trust directory. Other accounts (--user) can reach what is mounted in here.
COPY --chown=65532:65532 home /home/tagseal

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Tagseal" \
      org.opencontainers.image.description="Content trust for container images: the command line" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

ENV HOME=/home/tagseal
# As a number, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /home/tagseal
VOLUME /home/tagseal/.docker/trust
ENTRYPOINT ["/usr/bin/tagseal"]
CMD ["help"]
