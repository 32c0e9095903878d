import { describePbes2 } from "../crypto/pbes2.ts";
import { isEncryptedBlock } from "../crypto/private-key-pem.ts";
import type { PemBlock } from "../encoding/pem.ts";
import { hasCode } from "../errors.ts";
import type { KeyProtection } from "./key-store.ts";

/** How the private key of a PEM block is protected; readable without its passphrase. */
export function protectionOf(block: PemBlock): KeyProtection {
  if (!isEncryptedBlock(block)) return { kind: "none" };
  const [legacy] = (block.headers.get("DEK-Info") ?? "").split(",");
  if (block.label !== "ENCRYPTED PRIVATE KEY") return { kind: "passphrase", scheme: `MD5, ${legacy}`, rounds: 1 };
  try {
    const { prf, cipher, iterations } = describePbes2(block.bytes);
    return { kind: "passphrase", scheme: `PBKDF2-${prf}, ${cipher}`, rounds: iterations };
  } catch (error) {
    if (!hasCode(error, "DER_MALFORMED", "KEY_UNSUPPORTED", "KEY_MALFORMED")) throw error;
    return { kind: "unreadable", reason: error.message };
  }
}
