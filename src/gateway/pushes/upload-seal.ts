/** Where uploads continue, as clients of the gateway see it: sealed, so that no client can have it ask for another place at the registry. */
import { openText, sealText } from "../../crypto/sealed-text.ts";
import type { Repository } from "../served-name.ts";

/** See the top of this file. */
export class UploadSeal {
  readonly #key: () => Uint8Array;

  /** @param key the current one, which all replicas have */
  constructor(key: () => Uint8Array) {
    this.#key = key;
  }

  /** The ID of an upload in the gateway's paths. @param location path and query at the registry */
  seal(name: Repository, location: string): string {
    return sealText(this.#key(), `${placeOf(name)}${location}`).toString("base64url");
  }

  /** The location in an ID of {@link seal} for the same repository; undefined for any other text. */
  open(name: Repository, id: string): string | undefined {
    const text = openText(this.#key(), Buffer.from(id, "base64url"));
    const place = placeOf(name);
    return text?.startsWith(place) === true ? text.slice(place.length) : undefined;
  }
}

/** No name has a space. */
function placeOf({ registry, repository }: Repository): string {
  return `${registry} ${repository} `;
}
