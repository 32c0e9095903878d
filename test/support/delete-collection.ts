import { ask } from "./https-request.ts";

/**
 * Deletes a collection on a trust server, as `notary delete --remote` does and Tagseal's client never.
 *
 * @param ca PEM file, for a server on https
 */
export async function deleteCollection(url: string, gun: string, ca?: string): Promise<void> {
  const address = `${url}/v2/${gun}/_trust/tuf/`;
  const { status } = ca === undefined ? await fetch(address, { method: "DELETE" }) : await ask(ca, "DELETE", address);
  if (status !== 200) throw new Error(`${address} was not deleted: status ${status}`);
}
