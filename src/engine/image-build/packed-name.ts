/** The name of the rewritten Dockerfile in a context that is packed here. */
export const packedName = ".dockerfile.tagseal";

/** The file that lists which files are excluded from a context. */
export const ignoreFile = ".dockerignore";
