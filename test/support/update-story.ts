import { TagsealError } from "../../src/errors.ts";
import type { ErrorCode } from "../../src/errors.ts";
import type { TrustedCollection } from "../../src/tuf/trusted-collection.ts";
import { updateCollection } from "../../src/tuf/updater.ts";
import type { UpdateOptions, UpdateWarning } from "../../src/tuf/updater.ts";
import { MemoryMetadataCache } from "./memory-metadata-cache.ts";
import { SimulatedSource, simulatedNow } from "./simulated-repository.ts";
import type { SimulatedRepository } from "./simulated-repository.ts";

/** One machine that reads a simulated repository: its cache, its view of the server, what it was warned of. */
export class SimulatedClient {
  readonly cache: MemoryMetadataCache;
  readonly source: SimulatedSource;
  readonly warnings: UpdateWarning[] = [];
  readonly #repository: SimulatedRepository;

  constructor(repository: SimulatedRepository, cache = new MemoryMetadataCache()) {
    this.#repository = repository;
    this.cache = cache;
    this.source = new SimulatedSource(repository);
  }

  /** Updates, with fresh lists of requests and warnings. */
  async update(options: Partial<UpdateOptions> = {}): Promise<TrustedCollection> {
    this.source.requests.length = 0;
    this.warnings.length = 0;
    return await updateCollection({
      gun: this.#repository.gun,
      source: this.source,
      cache: this.cache,
      now: simulatedNow,
      onWarning: (warning) => this.warnings.push(warning),
      ...options,
    });
  }

  /** Updates and returns the outcome: `ok`, or the code of the refusal. Anything else is a mistake in the test or the code. */
  async outcome(options: Partial<UpdateOptions> = {}): Promise<"ok" | ErrorCode> {
    try {
      await this.update(options);
      return "ok";
    } catch (error) {
      if (!(error instanceof TagsealError)) throw error;
      return error.code;
    }
  }
}
