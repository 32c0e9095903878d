/** podman's names for places of images other than registries: podman takes a host of that name with a port for one of them. */
export const otherTransport =
  /^(?:atomic|containers-storage|dir|docker-archive|docker-daemon|oci|oci-archive|ostree|sif|tarball):/;
