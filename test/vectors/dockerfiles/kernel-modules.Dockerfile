ARG BASE_IMAGE=quay.io/fedora/fedora-coreos:stable
ARG KERNEL_VERSION=6.12.4-200
ARG TOOLCHAIN=fedora:${FEDORA_MAJOR:-41}

FROM ${TOOLCHAIN} as modules
ARG KERNEL_VERSION
RUN dnf install -y kernel-devel-${KERNEL_VERSION} && make -C /usr/src/kernels/${KERNEL_VERSION}

FROM ${BASE_IMAGE}
COPY --from=0 /lib/modules /lib/modules
RUN ostree container commit
