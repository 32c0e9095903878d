import { writableKeyStoreContract } from "../../test/contract/key-store.ts";
import { MemoryKeyStore } from "./memory-key-store.ts";

writableKeyStoreContract("memory", async () => new MemoryKeyStore());
