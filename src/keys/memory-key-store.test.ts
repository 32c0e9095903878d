import { keyStoreContract } from "../../test/contract/key-store.ts";
import { MemoryKeyStore } from "./memory-key-store.ts";

keyStoreContract("memory", async () => new MemoryKeyStore());
