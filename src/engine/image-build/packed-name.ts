/** What our Dockerfile is called in a context that is packed here. */
export const packedName = ".dockerfile.tagseal";

/** Where a context says which of its files are no part of it. */
export const ignoreFile = ".dockerignore";
