/**
 * What the programs that Tagseal starts see of its environment: the one rule for all of them (I6). A secret of Tagseal's own goes to none;
 * a secret that is meant for something else goes only to the programs that may be it.
 */
import type { Environment } from "./environment.ts";

/**
 * The programs that are started:
 *
 * - `engine`: docker, podman or buildah, in our place or asked by us. The user could have started it with the same environment.
 * - `credential-helper` and `passphrase-command`: they log in to a service of their own to fetch one secret.
 * - `git`: fetches a build context, perhaps as a user.
 */
export type ChildKind = "engine" | "credential-helper" | "passphrase-command" | "git";

/**
 * Passphrases of keys under docker's, Notary's and our names, the password of Notary's client, passphrases of signers under names their
 * operators choose, and the addresses of servers' databases, which hold an account and its password.
 */
const ownSecret =
  /^(?:(?:DOCKER_CONTENT_TRUST|NOTARY|TAGSEAL)_.*PASSPHRASE|NOTARY_AUTH$|NOTARY_SIGNER_|(?:NOTARY|TAGSEAL)_.*_DB_URL$)/i;

/** What people call other secrets. Tokens are not among them: helpers, commands and git log in to their service with those. */
const otherSecret =
  /PASSPHRASE|PASSWORD|PASSWD|_PSW$|_PWD$|SECRET|PRIVATE_KEY|^DOCKER_AUTH_CONFIG$|(?:DATABASE|DB|POSTGRES|POSTGRESQL|PG|MYSQL|MARIADB)_?(?:URL|URI|DSN)$/i;

const cloud =
  "AWS|AZURE|ARM|ACR|ECR|GOOGLE|GCLOUD|GCP|CLOUDSDK|ALIBABA_CLOUD|ALICLOUD|ALIYUN|OCI_CLI|IBMCLOUD|DIGITALOCEAN";
const vaults = "VAULT|BAO|OP|BW|BWS|INFISICAL|DOPPLER|CONJUR|AKEYLESS|KEEPASS|KEEPASSXC|GOPASS|SOPS";

/** What a program takes its own login from: names that begin so stay. An engine keeps all. */
const ownLogin: Readonly<Record<ChildKind, RegExp>> = {
  engine: /^/,
  "credential-helper": new RegExp(
    `^(?:${cloud}|${vaults}|DOCKER(?!_AUTH_CONFIG)|GITHUB|GH|GITLAB|CI|REGISTRY|HELM)_`,
    "i",
  ),
  "passphrase-command": new RegExp(`^(?:${cloud}|${vaults})_`, "i"),
  git: /^(?:GIT|SSH|GITHUB|GH|GITLAB|CI|BITBUCKET|GITEA)_/i,
};

/**
 * The environment for a program that is started.
 *
 * @param args the program's arguments. What they name (`docker run -e NAME`, `printenv NAME`) is meant for the program; a passphrase of ours
 *   is so only for an engine, which may have a container that wants it
 */
export function childEnvironment(
  env: Environment,
  child: ChildKind,
  args: readonly string[] = [],
): Record<string, string> {
  const seen = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && maySee(entry[0], child, args),
  );
  return Object.fromEntries(seen);
}

function maySee(name: string, child: ChildKind, args: readonly string[]): boolean {
  // a path is no secret; the file has its own protection
  if (name.endsWith("_FILE")) return true;
  const isNamed = (): boolean => args.some((word) => namesVariable(word, name));
  if (ownSecret.test(name)) return child === "engine" && isNamed();
  return !otherSecret.test(name) || ownLogin[child].test(name) || isNamed();
}

/** `NAME`, `NAME=`, `env=NAME`, `id=x,env=NAME`: the name as a whole word. */
function namesVariable(word: string, name: string): boolean {
  const at = word.indexOf(name);
  if (at === -1) return false;
  return !/\w/.test(word.charAt(at - 1)) && !/\w/.test(word.charAt(at + name.length));
}
