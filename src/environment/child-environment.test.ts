import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { childEnvironment, type ChildKind } from "./child-environment.ts";

const all = (names: readonly string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, "x"]));
const seen = (names: readonly string[], child: ChildKind, args: readonly string[] = [], program?: string): string[] =>
  Object.keys(childEnvironment(all(names), child, { args, program }));

const own = [
  "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE",
  "DOCKER_CONTENT_TRUST_DELEGATION_PASSPHRASE",
  "NOTARY_TARGETS_PASSPHRASE",
  "NOTARY_CUSTOM_PASSPHRASE",
  "NOTARY_AUTH",
  "NOTARY_SIGNER_ALIAS1",
  "TAGSEAL_SIGNER_PASSPHRASE",
  "TAGSEAL_NEW_PASSPHRASE",
  "TAGSEAL_TOKEN_PIN",
  "TAGSEAL_PASSPHRASE_OF_TOMORROW",
  "notary_root_passphrase",
  "TAGSEAL_SERVER_STORAGE_DB_URL",
  "TAGSEAL_SERVER_TRUST_SERVICE_DB_URL",
  "TAGSEAL_SIGNER_STORAGE_DB_URL",
  "NOTARY_SERVER_STORAGE_DB_URL",
  "NOTARY_SIGNER_STORAGE_DB_URL",
  "TAGSEAL_DB_URL",
  "NOTARY_REPLICA_DATABASE_URL",
  "TAGSEAL_MIRROR_POSTGRES_DSN",
  "DOCKER_CONTENT_TRUST_TOKEN_PIN",
  "NOTARY_YUBIKEY_PIN",
  "TAGSEAL_ADMIN_TOKEN",
  "TAGSEAL_GATEWAY_CLIENT_SECRET",
  "NOTARY_PROXY_PASSWORD",
  "tagseal_console_pass",
  "TAGSEAL_ESCROW_PRIVATE_KEY",
  "TAGSEAL_UPSTREAM_CREDENTIALS",
  "TAGSEAL_UPSTREAM_AUTH",
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
  "MONGODB_URI",
  "CELERY_REDIS_URL",
  "NPM_TOKEN",
  "SLACK_BOT_TOKEN",
  "deploy_token",
  "OPENAI_API_KEY",
  "STORAGE_ACCESS_KEY",
];
const ordinary = [
  "PATH",
  "HOME",
  "LANG",
  "HTTP_PROXY",
  "SSH_AUTH_SOCK",
  "DOCKER_HOST",
  "CREDENTIALS_DIRECTORY",
  "TOKENIZERS_PARALLELISM",
  "COMPASS_COLOR",
  "TAGSEAL_ENGINE",
  "NOTARY_SERVER_AUTH_TYPE",
  "DOCKER_CONTENT_TRUST_SERVER",
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

  it("has what belongs to no particular program", () => {
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

  it("of a tool has tokens that belong to no other program: without a family, of a workload, or named like the tool", () => {
    const given = [
      "TOKEN",
      "ACCESS_TOKEN",
      "VAULT_ID_TOKEN",
      "MY_ID_TOKEN",
      "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
      "CI_JOB_JWT",
    ];
    for (const child of tools) assert.deepEqual(seen(given, child), given, child);
    assert.deepEqual(seen(["ACME_CORP_TOKEN", "ACME_TOKEN"], "credential-helper", [], "acme-corp"), [
      "ACME_CORP_TOKEN",
    ]);
    assert.deepEqual(seen(["ACME_TOKEN"], "passphrase-command", [], "/opt/acme.sh"), ["ACME_TOKEN"]);
    assert.deepEqual(seen(["NOTARY_ROOT_PASSPHRASE"], "passphrase-command", [], "notary"), []);
  });

  it("holds the address of a server's database only where an engine is to pass it to a container", () => {
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
