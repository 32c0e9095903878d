import type { MetadataFile, RoleName } from "../tuf/metadata.ts";
import { parseMetadata } from "../tuf/notary-v1/parse.ts";
import type { StoredRole } from "../tuf/stored-roles.ts";

/** Roots kept. */
const maxRoots = 512;
/** Bytes of a root that is worth keeping: a root has a handful of keys. */
const maxRootBytes = 64 * 1024;

/**
 * The roots of the collections published to last, parsed. A root changes once in years and is read at every publication, and a parsed one brings
 * along its keys, ready for use, and the knowledge of which of its signatures are good.
 */
export class ParsedRoots {
  readonly #roots = new Map<string, MetadataFile>();

  /**
   * Parses a stored file; a root only if these very bytes are not known yet.
   *
   * @throws MetadataError as `parseMetadata`
   */
  parse(gun: string, role: RoleName, { bytes }: StoredRole): MetadataFile {
    if (role !== "root" || bytes.length > maxRootBytes) return parseMetadata(role, bytes);
    const known = this.#roots.get(gun);
    const file = known !== undefined && Buffer.from(known.bytes).equals(bytes) ? known : parseMetadata(role, bytes);
    this.#keep(gun, file);
    return file;
  }

  #keep(gun: string, file: MetadataFile): void {
    this.#roots.delete(gun);
    this.#roots.set(gun, file);
    const oldest = this.#roots.keys().next();
    if (this.#roots.size > maxRoots && oldest.done !== true) this.#roots.delete(oldest.value);
  }
}
