import type { MetadataFile, RoleName } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import type { StoredRole } from "../../tuf/stored-roles.ts";

/** How many collections are remembered, and the total bytes of their files. */
const maxCollections = 1024;
const maxBytes = 32 * 1024 * 1024;

interface State {
  /** of the timestamp that all of this belongs to */
  readonly timestamp: string;
  readonly files: Map<RoleName, StoredRole>;
  root: MetadataFile | undefined;
  bytes: number;
}

/**
 * What was current in the most recently published collections. The next publication usually finds it unchanged and does not read it again: every
 * publication makes another timestamp, so files that were current beside the same timestamp still are.
 *
 * The root is kept parsed. It changes once in years, and a parsed one has its keys ready for use and remembers which of its signatures are valid.
 */
export class PublishedStates {
  readonly #states = new Map<string, State>();
  #bytes = 0;

  /** What is remembered about a collection with this current timestamp. */
  at(gun: string, timestamp: string): PublishedState {
    const known = this.#states.get(gun);
    if (known?.timestamp === timestamp) return this.#stateOf(gun, known);
    this.forget(gun);
    const state: State = { timestamp, files: new Map(), root: known?.root, bytes: 0 };
    this.#states.set(gun, state);
    return this.#stateOf(gun, state);
  }

  /** Call this after a publication based on `base`: its files are current now, the others stay current. */
  moveOn(gun: string, base: string, timestamp: string, published: ReadonlyMap<RoleName, StoredRole>): void {
    const known = this.#states.get(gun);
    const files = known?.timestamp === base ? known.files : new Map<RoleName, StoredRole>();
    const root = known?.root;
    this.forget(gun);
    const state: State = { timestamp, files: new Map(), root, bytes: 0 };
    this.#states.set(gun, state);
    for (const [role, file] of new Map([...files, ...published])) this.#keep(state, role, file);
    this.#makeRoom();
  }

  forget(gun: string): void {
    this.#bytes -= this.#states.get(gun)?.bytes ?? 0;
    this.#states.delete(gun);
  }

  #stateOf(gun: string, state: State): PublishedState {
    return {
      file: (role) => state.files.get(role),
      remember: (role, file) => {
        if (this.#states.get(gun) !== state) return;
        this.#keep(state, role, file);
        this.#makeRoom();
      },
      parse: (role, { bytes }) => {
        if (role !== "root") return parseMetadata(role, bytes);
        if (state.root === undefined || !Buffer.from(state.root.bytes).equals(bytes))
          state.root = parseMetadata(role, bytes);
        return state.root;
      },
    };
  }

  #keep(state: State, role: RoleName, file: StoredRole): void {
    const grown = file.bytes.length - (state.files.get(role)?.bytes.length ?? 0);
    state.files.set(role, file);
    state.bytes += grown;
    this.#bytes += grown;
  }

  #makeRoom(): void {
    for (const gun of this.#states.keys()) {
      if (this.#states.size <= maxCollections && this.#bytes <= maxBytes) return;
      this.forget(gun);
    }
  }
}

/** One collection as it was, and is, beside one timestamp. */
export interface PublishedState {
  /** undefined when the file is not remembered, whether it exists or not */
  file(role: RoleName): StoredRole | undefined;
  /** Remembers a file that was just read as current. */
  remember(role: RoleName, file: StoredRole): void;
  /** `parseMetadata`, except for a known root. @throws MetadataError as `parseMetadata` */
  parse(role: RoleName, file: StoredRole): MetadataFile;
}
