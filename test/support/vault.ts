/** Vault's transit engine as a process: `npm run peers` builds it from Vault's own module. */
import { findGoPeer } from "./go-peers.ts";
import type { Environment, Scope } from "./processes.ts";

/** Only for the loopback address of this test. */
const token = "hvs.for-tests";

/** Starts an engine without keys, mounted at `transit`. @returns what a client of it needs in its environment */
export async function startVaultTransit(scope: Scope): Promise<Environment> {
  const program = findGoPeer("vault-transit") ?? "vault-transit";
  const address = /^http:\/\/\S+$/mu;
  const running = await scope.start("vault-transit", program, [token], { ready: (log) => address.test(log()) });
  return { VAULT_ADDR: address.exec(running.log())?.[0], VAULT_TOKEN: token, HOME: "/nowhere" };
}

/** Sends a request of an operator's, as `vault write` does. */
export async function vaultWrite(env: Environment, path: string, body: object = {}): Promise<void> {
  const headers = { "x-vault-token": env["VAULT_TOKEN"] ?? "", "content-type": "application/json" };
  const url = `${env["VAULT_ADDR"]}/v1/${path}`;
  const { status } = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (status >= 300) throw new Error(`${path}: ${status}`);
}

/** Waits for an answer, however long it takes: Vault makes its RSA key of 4,096 bits for wrapping when it is first asked for it. */
export async function vaultRead(env: Environment, path: string): Promise<void> {
  const headers = { "x-vault-token": env["VAULT_TOKEN"] ?? "" };
  const { status } = await fetch(`${env["VAULT_ADDR"]}/v1/${path}`, { headers });
  if (status !== 200) throw new Error(`${path}: ${status}`);
}
