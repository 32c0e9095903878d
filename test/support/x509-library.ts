/**
 * `@peculiar/x509`, an independent X.509 library, as a maker and checker of certificates. One of its dependencies insists on a
 * metadata store for decorators, which none of its classes uses here; an empty one will do.
 */
Object.assign(Reflect, {
  getMetadata: () => undefined,
  getOwnMetadata: () => undefined,
  defineMetadata: () => undefined,
});

/** The library; import it only from here. */
export const peculiar = await import("@peculiar/x509");
