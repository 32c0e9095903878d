/** Addresses of git repositories as build contexts: `URL#ref:directory`, and the newer `URL?branch=…&subdir=…`. */
import { parseBoolean } from "../command-line/boolean.ts";
import { DockerfileRefused } from "./refused.ts";

/** A repository, its state, and a directory in it. */
export interface GitSource {
  readonly remote: string;
  /** branch, tag or commit; undefined: the repository's default */
  readonly ref: string | undefined;
  /** the beginning of the commit or tag; undefined: any */
  readonly checksum: string | undefined;
  readonly directory: string;
  /** whether `.git` stays; undefined: as the builder is set up */
  readonly keepsGitDirectory: boolean | undefined;
  readonly hasSubmodules: boolean;
  /** whether files get the time of the commit */
  readonly hasCommitTimes: boolean;
}

/**
 * Reads the address of a repository.
 *
 * @throws UsageError `DOCKERFILE_REFUSED` for queries that are not understood, and for refs that git would take for options
 * @see Docker documentation: build context, git repositories, URL queries
 */
export function parseGitSource(text: string): GitSource {
  const hash = text.indexOf("#");
  const [address = "", query] = splitOnce(hash === -1 ? text : text.slice(0, hash), "?");
  const [ref = "", directory = ""] = splitOnce(hash === -1 ? "" : text.slice(hash + 1), ":");
  const asked = new Query(address, query ?? "");
  const names = new Set([ref, ...asked.refs()].filter((name) => name !== ""));
  const directories = new Set([directory, asked.take("subdir") ?? ""].filter((name) => name !== ""));
  const source = {
    remote: address.startsWith("github.com/") ? `https://${address}` : address,
    ref: asked.only(names, "refs"),
    checksum: asked.only(
      new Set([asked.take("checksum"), asked.take("commit")].flatMap((name) => name ?? [])),
      "commits",
    ),
    directory: asked.only(directories, "directories") ?? "",
    keepsGitDirectory: asked.takeSwitch("keep-git-dir"),
    hasSubmodules: asked.takeSwitch("submodules") ?? true,
    hasCommitTimes: asked.takeTime(),
  };
  // how the commit is fetched makes no difference to what is fetched
  asked.takeSwitch("fetch-by-commit");
  asked.refuseOthers();
  if (source.ref?.startsWith("-") === true || address.startsWith("-"))
    throw new DockerfileRefused(`invalid refspec: ${source.ref ?? address}`);
  if (source.checksum !== undefined && !/^[0-9a-f]{7,64}$/i.test(source.checksum))
    throw new DockerfileRefused(`${address}: ${source.checksum} is not a commit`);
  return source;
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function under(prefix: string, name: string): string {
  return name.startsWith(prefix) ? name : prefix + name;
}

class Query {
  readonly #address: string;
  readonly #values: URLSearchParams;

  constructor(address: string, text: string) {
    this.#address = address;
    this.#values = new URLSearchParams(text);
    for (const name of this.#values.keys()) {
      if (this.#values.getAll(name).length > 1) throw this.#refused(`the query ${name} has several values`);
    }
  }

  take(name: string): string | undefined {
    const value = this.#values.get(name) ?? undefined;
    this.#values.delete(name);
    if (value === "") throw this.#refused(`the query ${name} has no value`);
    return value;
  }

  refs(): readonly string[] {
    const [ref, tag, branch] = [this.take("ref"), this.take("tag"), this.take("branch")];
    return [
      ...(ref === undefined ? [] : [ref]),
      ...(tag === undefined ? [] : [under("refs/tags/", tag)]),
      ...(branch === undefined ? [] : [under("refs/heads/", branch)]),
    ];
  }

  /** A name alone means yes. */
  takeSwitch(name: string): boolean | undefined {
    const text = this.#values.get(name);
    this.#values.delete(name);
    if (text === null || text === "") return text === null ? undefined : true;
    const value = parseBoolean(text);
    if (value === undefined) throw this.#refused(`the query ${name}=${text} is neither true nor false`);
    return value;
  }

  takeTime(): boolean {
    const time = this.take("mtime") ?? "checkout";
    if (time !== "checkout" && time !== "commit") throw this.#refused(`the query mtime=${time} is not understood`);
    return time === "commit";
  }

  only(values: ReadonlySet<string>, what: string): string | undefined {
    const [first, second] = values;
    if (second !== undefined) throw this.#refused(`it names two ${what}, ${first} and ${second}`);
    return first;
  }

  refuseOthers(): void {
    const [name] = this.#values.keys();
    if (name !== undefined) throw this.#refused(`the query ${name} is not understood`);
  }

  #refused(reason: string): DockerfileRefused {
    return new DockerfileRefused(`${this.#address}: ${reason}`, "write #ref:directory behind the URL");
  }
}
