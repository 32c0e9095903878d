/** SoftHSM: tokens without hardware, and the addon that speaks PKCS#11, built once into the user's cache directory. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type Environment, type Finished, run, runOk, type Scope } from "./processes.ts";

const source = resolve(import.meta.dirname, "../../node_modules/pkcs11js");
const places = [
  "/usr/lib/softhsm/libsofthsm2.so",
  "/usr/lib64/pkcs11/libsofthsm2.so",
  "/usr/lib64/softhsm/libsofthsm2.so",
];

/** The PIN of every token here. */
export const pin = "493817";

/** The directory of the compiled addon. It is installed as users install it, from the sources that the lock file pins. */
export function pkcs11Addon(): string {
  const { version } = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as { readonly version: string };
  const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "tagseal", "peers");
  const built = join(cache, `pkcs11js-${version}-${process.platform}-${process.arch}`);
  const addon = join(built, "node_modules", "pkcs11js");
  if (!existsSync(addon)) build(built, version);
  return addon;
}

/** The directory appears whole: several suites may need it at the same time. */
function build(built: string, version: string): void {
  mkdirSync(dirname(built), { recursive: true });
  const partial = mkdtempSync(`${built}-`);
  try {
    const manifest = { dependencies: { pkcs11js: version }, allowScripts: { pkcs11js: true } };
    writeFileSync(join(partial, "package.json"), JSON.stringify(manifest));
    cpSync(source, join(partial, "node_modules", "pkcs11js"), { recursive: true });
    execFileSync("npm", ["rebuild", "--prefix", partial, "--silent", "pkcs11js"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    renameSync(partial, built);
  } catch (error) {
    rmSync(partial, { recursive: true });
    if (!existsSync(built)) throw error;
  }
}

/** A directory of tokens that nobody else sees. */
export class SoftHsm {
  /** what a program needs to find the tokens */
  readonly env: Environment;
  readonly module: string;

  constructor(scope: Scope, name = "softhsm") {
    this.module = places.find((path) => existsSync(path)) ?? "";
    const directory = scope.path(name);
    mkdirSync(directory);
    const configuration = join(directory, "softhsm2.conf");
    writeFileSync(
      configuration,
      `directories.tokendir = ${directory}\nobjectstore.backend = file\nlog.level = ERROR\n`,
    );
    this.env = { SOFTHSM2_CONF: configuration, TAGSEAL_PKCS11JS: pkcs11Addon(), TAGSEAL_PKCS11_MODULE: this.module };
  }

  /** Makes a token. @returns its serial number */
  async token(label: string): Promise<string> {
    const words = ["--init-token", "--free", "--label", label, "--so-pin", "so-pin-493817", "--pin", pin];
    const { stdout } = await this.util(...words);
    const slot = /slot (\d+)/u.exec(stdout)?.[1] ?? "";
    const listed = (await this.util("--show-slots")).stdout;
    const serial = new RegExp(`^Slot ${slot}\\n(?:[ ].*\\n)*?[ ]+Serial number: +(\\S+)`, "mu").exec(listed)?.[1];
    if (serial === undefined) throw new Error(`no serial number in ${listed}`);
    return serial;
  }

  /** Takes a token away for good, with its keys. */
  async remove(label: string): Promise<void> {
    await this.util("--delete-token", "--token", label);
  }

  /** Puts an unencrypted PKCS#8 file into a token. */
  async importFile(token: string, label: string, path: string): Promise<Finished> {
    return await this.util("--import", path, "--token", token, "--label", label, "--id", "a1b2", "--pin", pin);
  }

  /** Calls the module with code, in another process; `m` is the loaded module, `p` the addon. */
  async script(code: string): Promise<string> {
    const opened = `const p = require(process.env.TAGSEAL_PKCS11JS); const m = new p.PKCS11(); m.load(process.env.TAGSEAL_PKCS11_MODULE); m.C_Initialize();`;
    return (await runOk(process.execPath, ["-e", `${opened}${code}`], { env: { ...process.env, ...this.env } })).stdout;
  }

  private async util(...words: readonly string[]): Promise<Finished> {
    const done = await run("softhsm2-util", words, { env: { ...process.env, ...this.env } });
    if (done.code === 0) return done;
    throw new Error(`softhsm2-util ${words.join(" ")}: ${done.stdout}${done.stderr}`);
  }
}
