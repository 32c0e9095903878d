import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { childEnvironment, type ChildKind } from "./child-environment.ts";

const all = (names: readonly string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, "x"]));
const seen = (names: readonly string[], child: ChildKind, args: readonly string[] = []): string[] =>
  Object.keys(childEnvironment(all(names), child, args));

const own = [
  "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE",
  "DOCKER_CONTENT_TRUST_DELEGATION_PASSPHRASE",
  "NOTARY_TARGETS_PASSPHRASE",
  "NOTARY_CUSTOM_PASSPHRASE",
  "NOTARY_AUTH",
  "NOTARY_SIGNER_ALIAS1",
  "TAGSEAL_SIGNER_PASSPHRASE",
  "TAGSEAL_NEW_PASSPHRASE",
  "TAGSEAL_PASSPHRASE_OF_TOMORROW",
  "notary_root_passphrase",
  "TAGSEAL_SERVER_STORAGE_DB_URL",
  "TAGSEAL_SERVER_TRUST_SERVICE_DB_URL",
  "TAGSEAL_SIGNER_STORAGE_DB_URL",
  "NOTARY_SERVER_STORAGE_DB_URL",
  "NOTARY_SIGNER_STORAGE_DB_URL",
];
const others = [
  "GPG_PASSPHRASE",
  "DB_PASSWORD",
  "MYSQL_ROOT_PASSWORD",
  "client_secret",
  "SIGNING_PRIVATE_KEY",
  "APP_PSW",
  "PGPASSWORD",
  "MYSQL_PWD",
  "DATABASE_URL",
  "APP_DB_URL",
  "POSTGRES_DSN",
  "mariadb_uri",
];
const ordinary = [
  "PATH",
  "HOME",
  "LANG",
  "HTTP_PROXY",
  "SSH_AUTH_SOCK",
  "DOCKER_HOST",
  "TAGSEAL_SIGNER_PASSPHRASE_FILE",
  "TAGSEAL_SERVER_STORAGE_DB_URL_FILE",
  "PWD",
  "OLDPWD",
];
const tools: readonly ChildKind[] = ["credential-helper", "passphrase-command", "git"];

describe("I6: the environment of a child", () => {
  it("holds no passphrase of ours, under no name, whatever the child is", () => {
    for (const child of [...tools, "engine"] as const) assert.deepEqual(seen(own, child), [], child);
  });

  it("holds what belongs to nobody in particular", () => {
    for (const child of [...tools, "engine"] as const) assert.deepEqual(seen(ordinary, child), ordinary, child);
  });

  it("of an engine holds everything else: what it is for is the user's affair", () => {
    const given = [...others, "DOCKER_AUTH_CONFIG", "AWS_SECRET_ACCESS_KEY"];
    assert.deepEqual(seen(given, "engine"), given);
  });

  it("of a tool holds no secret of something else", () => {
    const given = [...others, "DOCKER_AUTH_CONFIG"];
    for (const child of tools) assert.deepEqual(seen(given, child), [], child);
  });

  it("of a tool holds what it logs in to its own service with", () => {
    const cloud = ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_CLIENT_SECRET", "GOOGLE_CLIENT_SECRET"];
    assert.deepEqual(seen([...cloud, "GITHUB_TOKEN", "DOCKER_REG_PSW"], "credential-helper").length, 6);
    const vault = [...cloud, "VAULT_TOKEN", "BW_PASSWORD", "OP_SERVICE_ACCOUNT_TOKEN"];
    assert.deepEqual(seen(vault, "passphrase-command"), vault);
    const git = ["GIT_PASSWORD", "GIT_AUTH_TOKEN", "SSH_KEY_PASSPHRASE"];
    assert.deepEqual(seen([...git, "AWS_SECRET_ACCESS_KEY"], "git"), git);
  });

  it("holds the address of a server's database only where an engine is told to hand it to a container", () => {
    const address = "TAGSEAL_SERVER_STORAGE_DB_URL";
    assert.deepEqual(seen([address], "engine", ["run", "-e", address, "tagseal"]), [address]);
    assert.deepEqual(seen([address], "passphrase-command", ["printenv", address]), []);
  });

  it("holds what the child's own arguments name", () => {
    assert.deepEqual(
      seen(["NOTARY_ROOT_PASSPHRASE", "NOTARY_CUSTOM_PASSPHRASE"], "engine", ["run", "-e", "NOTARY_ROOT_PASSPHRASE"]),
      ["NOTARY_ROOT_PASSPHRASE"],
    );
    assert.deepEqual(seen(["NOTARY_SIGNER_A"], "engine", ["build", "--secret=id=a,env=NOTARY_SIGNER_A"]), [
      "NOTARY_SIGNER_A",
    ]);
    assert.deepEqual(seen(["NOTARY_SIGNER_A"], "engine", ["run", "-e", "NOTARY_SIGNER_AB"]), []);
    assert.deepEqual(seen(["MY_PASSWORD", "NOTARY_AUTH"], "passphrase-command", ["MY_PASSWORD", "NOTARY_AUTH"]), [
      "MY_PASSWORD",
    ]);
  });
});
