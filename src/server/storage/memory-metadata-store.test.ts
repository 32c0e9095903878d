import { metadataStoreContract } from "../../../test/contract/metadata-store.ts";
import { MemoryMetadataStore } from "./memory-metadata-store.ts";

metadataStoreContract("MemoryMetadataStore", () => new MemoryMetadataStore());
