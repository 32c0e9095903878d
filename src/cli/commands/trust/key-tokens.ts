import type { ExternalKey } from "../../../keys/external/key-driver.ts";
import type { Pkcs11Token } from "../../../keys/pkcs11/pkcs11-token.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { tokenEnvironment } from "../../options/token-flags.ts";
import { printable } from "../../output/printable.ts";
import { writeJson } from "../../output/write-json.ts";

/** Lists tokens without a PIN. */
export const command = defineCommand(
  {
    path: "trust key tokens",
    usage: "[OPTIONS]",
    summary: "List hardware tokens and their keys",
    description: [
      "Lists the tokens that are plugged in, the state of their PINs, and the keys that they show without one, each with its URI for `trust key link` and `trust key generate --store`. It asks for no PIN and uses none.",
      "Tokens are found through PKCS#11 modules: the one that you name, or those of YubiKey, OpenSC, YubiHSM and SoftHSM in their usual places.",
    ],
    options: {
      module: { kind: "text", value: "file", complete: "file", help: "Look for tokens with this PKCS#11 module only" },
      json: jsonOption,
    },
    args: { min: 0, max: 0 },
    examples: [{ text: "list tokens and keys", line: "tagseal trust key tokens" }],
    environment: tokenEnvironment.filter(([name]) => name !== "TAGSEAL_TOKEN_PIN"),
    dockerExitCodes: true,
  },
  async ({ options }, io) => {
    const tokens = await tokensAndKeys(options.module, io);
    if (options.json) writeJson(io, tokens.map(asJson));
    else if (tokens.length === 0) io.stderr.write("No token is plugged in.\n");
    else io.stdout.write(printable(tokens.map(asText).join("\n")));
    return 0;
  },
);

interface Found {
  readonly token: Pkcs11Token;
  readonly uri: string;
  readonly keys: readonly ExternalKey[];
}

async function tokensAndKeys(modulePath: string | undefined, io: Io): Promise<readonly Found[]> {
  const { Pkcs11Driver } = await import("../../../keys/pkcs11/pkcs11-driver.ts");
  const { formatPkcs11Uri } = await import("../../../keys/pkcs11/pkcs11-uri.ts");
  const { tokenUri } = await import("../../../keys/pkcs11/pkcs11-token.ts");
  const { fromEnvironment } = await import("../../../keys/passphrase-sources.ts");
  const onWarning = (warning: string): void => io.stderr.write(`warning: ${printable(warning)}\n`);
  const driver = new Pkcs11Driver({ env: io.env, secrets: fromEnvironment({}), onWarning });
  const found: Found[] = [];
  for (const token of await driver.tokens(modulePath === undefined ? {} : { modulePath })) {
    const uri = formatPkcs11Uri(tokenUri(token));
    found.push({ token, uri, keys: token.isInitialised ? await driver.list(uri) : [] });
  }
  return found;
}

function asJson({ token, uri, keys }: Found): object {
  const {
    module,
    slotId,
    slotDescription,
    label,
    serial,
    manufacturer,
    model,
    isInitialised: initialised,
    pin,
  } = token;
  return {
    module: module.path,
    slot: slotId,
    slotDescription,
    label,
    serial,
    manufacturer,
    model,
    initialised,
    pin,
    uri,
    keys: keys.map((key) => ({ keyId: key.publicKey.keyId, algorithm: key.publicKey.keyType, uri: key.uri })),
  };
}

function asText({ token, uri, keys }: Found): string {
  const { label, serial, manufacturer, model, pin, isInitialised, module, slotId } = token;
  const what = `${manufacturer} ${model}, slot ${slotId} of ${module.path}`;
  if (!isInitialised) return `Token not initialised: ${what}\n`;
  const lines = keys.map((key) => `  ${key.publicKey.keyType} key ${key.publicKey.keyId}\n    '${key.uri}'\n`);
  return `Token ${JSON.stringify(label)}, serial ${serial}, PIN ${pin}: ${what}\n  '${uri}'\n${lines.join("")}`;
}
