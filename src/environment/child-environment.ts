/**
 * The environment of the programs that Tagseal starts: one rule for all of them (I6). Tagseal's own secrets go to none of them;
 * another secret goes only to a program that it may be meant for.
 */
import type { Environment } from "./environment.ts";

/**
 * The programs that are started:
 *
 * - `engine`: docker, podman or buildah, in place of Tagseal or called by it. The user could have started it with the same environment.
 * - `credential-helper` and `passphrase-command`: they log in to another service to fetch one secret.
 * - `key-helper`: logs in to another service to sign there.
 * - `git`: fetches a build context, perhaps as a user.
 */
export type ChildKind = "engine" | "credential-helper" | "key-helper" | "passphrase-command" | "git";

/** Addresses of databases hold an account and its password. */
const databaseAddress =
  "(?:DATABASE|DB|POSTGRES|POSTGRESQL|PG|MYSQL|MARIADB|REDIS|MONGO|MONGODB|AMQP|RABBITMQ)_?(?:URL|URI)$|DSN$";

/**
 * Secrets of Tagseal, of docker's content trust and of Notary, known by the form of their names: the next one is withheld before it
 * exists. Every `NOTARY_SIGNER_` variable is one: operators choose what follows, and its value is a passphrase.
 */
const ownSecret = new RegExp(
  "^(?:DOCKER_CONTENT_TRUST|NOTARY|TAGSEAL)_" +
    `(?:.*(?:PASSPHRASE|PASSWORD|PASSWD|SECRET|TOKEN|PRIVATE_KEY)|(?:.*_)?(?:AUTH|CREDENTIALS?|PASS|PIN|PSW|PWD)$|.*(?:${databaseAddress}))` +
    "|^NOTARY_SIGNER_",
  "i",
);

/** Usual names of other secrets. */
const otherSecret = new RegExp(
  "PASSPHRASE|PASSWORD|PASSWD|_PSW$|_PWD$|SECRET|PRIVATE_KEY|API_?KEY|ACCESS_?KEY|.TOKEN(?:_?\\d+)?$" +
    `|^DOCKER_AUTH_CONFIG$|${databaseAddress}`,
  "i",
);

/** Tokens that say of no service that they are for it, and the identities of workloads, which log in anywhere. */
const commonToken = /^(?:(?:ACCESS|API|AUTH|JOB|REPO)_?)?TOKEN$|^SYSTEM_ACCESSTOKEN$|_ID_TOKEN$|^ACTIONS_ID_TOKEN_/i;

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
  "key-helper": new RegExp(`^(?:${cloud}|${vaults}|CI)_`, "i"),
  "passphrase-command": new RegExp(`^(?:${cloud}|${vaults}|CI)_`, "i"),
  git: /^(?:GIT|SSH|GITHUB|GH|GITLAB|CI|BITBUCKET|GITEA)_/i,
};

/** What is known of the program that is started. */
export interface ChildProgram {
  /**
   * What its arguments name (`docker run -e NAME`, `printenv NAME`) is meant for it; a passphrase of ours is so only for an engine, which may
   * have a container that wants it.
   */
  readonly args?: readonly string[] | undefined;
  /** its name or path: `ACME_…` is the login of `acme` */
  readonly program?: string | undefined;
}

/** The environment for a program that is started. Every start of a program takes its environment from here, or gives it none. */
export function childEnvironment(
  env: Environment,
  child: ChildKind,
  { args = [], program }: ChildProgram = {},
): Record<string, string> {
  const family = program === undefined ? undefined : familyOf(program);
  const maySee = (name: string): boolean => {
    // a path is no secret; the file has its own protection
    if (name.endsWith("_FILE")) return true;
    const isNamed = (): boolean => args.some((word) => namesVariable(word, name));
    if (ownSecret.test(name)) return child === "engine" && isNamed();
    if (!otherSecret.test(name) || commonToken.test(name) || ownLogin[child].test(name)) return true;
    return (family !== undefined && name.toUpperCase().startsWith(family)) || isNamed();
  };
  const seen = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && maySee(entry[0]),
  );
  return Object.fromEntries(seen);
}

/** `acme-corp`, `/opt/acme-corp.sh`: how the names of variables begin that are the program's. */
function familyOf(program: string): string {
  const name = program.slice(program.lastIndexOf("/") + 1).replace(/\.\w+$/, "");
  return `${name.toUpperCase().replaceAll(/\W/g, "_")}_`;
}

/** `NAME`, `NAME=`, `env=NAME`, `id=x,env=NAME`: the name as a whole word. */
function namesVariable(word: string, name: string): boolean {
  const at = word.indexOf(name);
  if (at === -1) return false;
  return !/\w/.test(word.charAt(at - 1)) && !/\w/.test(word.charAt(at + name.length));
}
