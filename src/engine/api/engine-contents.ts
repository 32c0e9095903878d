/** What docker's engine has, for a process that answers it: images by name or ID, and what containers are made of. */
import { pathOf } from "./docker-api.ts";
import { malformedAnswer, objectIn, requireSuccess, textMember } from "./engine-answer.ts";
import type { EngineConnection } from "./engine-connection.ts";

/** An image with the digests under which it was pulled. */
export interface PulledImage {
  readonly id: string;
  readonly digests: readonly string[];
}

/** Asks an engine in its newest API version. @throws NetworkError `ENGINE_UNREACHABLE`, `ENGINE_ERROR`, `ENGINE_RESPONSE_MALFORMED` */
export class EngineContents {
  readonly #connection: EngineConnection;

  constructor(connection: EngineConnection) {
    this.#connection = connection;
  }

  /** @returns undefined when it has no image of this name or ID */
  async image(name: string): Promise<PulledImage | undefined> {
    const found = await this.#inspect(`/images/${pathOf(name)}/json`);
    if (found === undefined) return undefined;
    const id = textMember(found, "Id");
    const { RepoDigests: digests } = found;
    if (id === undefined || !/^sha256:[0-9a-f]{64}$/u.test(id)) throw malformedAnswer("an image without an ID");
    return {
      id,
      digests: Array.isArray(digests) ? digests.filter((text): text is string => typeof text === "string") : [],
    };
  }

  /** @returns the ID of the image of a container; undefined when there is no such container */
  async imageOfContainer(id: string): Promise<string | undefined> {
    const found = await this.#inspect(`/containers/${pathOf(id)}/json`);
    return found === undefined ? undefined : textMember(found, "Image");
  }

  /** Removes a container, running or not. */
  async removeContainer(id: string): Promise<void> {
    const response = await this.#connection.request({
      method: "DELETE",
      path: `/containers/${pathOf(id)}?force=true&v=true`,
    });
    if (response.status !== 404) await requireSuccess(response);
    response.discard();
  }

  async #inspect(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const response = await this.#connection.request({ method: "GET", path });
    if (response.status === 404) {
      response.discard();
      return undefined;
    }
    await requireSuccess(response);
    return await objectIn(response);
  }
}
