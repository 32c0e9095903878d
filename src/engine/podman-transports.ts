/** podman's names for places of images that are no registry: a host of that name with a port is read as one of them, digest or not. */
export const otherTransport =
  /^(?:atomic|containers-storage|dir|docker-archive|docker-daemon|oci|oci-archive|ostree|sif|tarball):/;
