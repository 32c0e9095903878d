/** `trust key rotate IMAGE ROLE`. */
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { KeyStore, KeyUse } from "../../keys/key-store.ts";
import { isServerRole } from "../../tuf/role-name.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import type { RotateOptions, RotateResult } from "../../trust/rotation/rotate.ts";
import { UsageError } from "../../errors.ts";
import type { Proposing } from "../proposals/propose-change.ts";
import type { Io } from "../io.ts";
import { chosenKeys } from "../open/chosen-keys.ts";
import { trustDirectoryOf } from "../open/directories.ts";
import { withTrust } from "../open/trust.ts";
import { openKeyFiles, openKeyStore } from "../open/user-keys.ts";
import type { ImageArgument } from "../options/image.ts";
import { tellTrustEvents } from "../output/trust-events.ts";

/** A rotation as the command line describes it. */
export interface WantedRotation {
  readonly image: ImageArgument;
  readonly role: RoleName;
  readonly passphrases: PassphraseSource;
  readonly holder: "publisher" | "server" | undefined;
  /** IDs of keys here, or paths of key files */
  readonly keys: readonly string[];
  readonly replace: readonly string[];
  readonly threshold: number | undefined;
  readonly removeOld: boolean;
  readonly force: boolean;
}

/** Rotates the key of one role of one repository. */
export async function rotateOne(wanted: WantedRotation, io: Io): Promise<RotateResult> {
  const { rotateKey } = await import("../../trust/rotation/rotate.ts");
  const { image, role, passphrases } = wanted;
  const store = await openKeyStore(io, { passphrases });
  const settings = {
    // Trust servers give their keys to administrators only.
    access: isServerRole(role) ? "admin" : "write",
    passphrases,
    keys: store,
    notify: tellTrustEvents(io, { quiet: true }),
  } as const;
  const options = await rotateOptions(wanted, store, io);
  return await withTrust(io, image.reference, settings, (context) => rotateKey(context, role, options));
}

/** Proposes the rotation instead. @returns the exit status */
export async function proposeOne(wanted: WantedRotation & Pick<Proposing, "out" | "json">, io: Io): Promise<number> {
  const { image, role, passphrases, out, json } = wanted;
  if (wanted.holder !== undefined || wanted.removeOld || wanted.force)
    throw new UsageError(
      "USAGE",
      "--propose cannot be combined with --remove-old, --force, --server-managed or --publisher-managed",
      {
        hint: "Propose the change of root or targets alone: the old keys are kept.",
      },
    );
  const { proposeChange } = await import("../proposals/propose-change.ts");
  const { proposeRotation } = await import("../../trust/proposals/proposed-changes.ts");
  const keys = await openKeyStore(io, { passphrases });
  const options = await rotateOptions(wanted, keys, io);
  const proposing = { image, out, json, passphrases, keys };
  return await proposeChange(proposing, io, (context) => proposeRotation(context, role, options));
}

async function rotateOptions(wanted: WantedRotation, store: KeyStore, io: Io): Promise<RotateOptions> {
  const { role, image, holder, keys, replace, threshold, removeOld, force } = wanted;
  const { RotationFile } = await import("../../trust/trust-directory/rotation-file.ts");
  const { mentionsOfKey } = await import("../../trust/trust-directory/key-mentions.ts");
  const trustDirectory = trustDirectoryOf(io);
  return {
    force,
    memory: RotationFile.ofRole(trustDirectory, image.gun, role),
    ...(holder === undefined ? {} : { holder }),
    ...(replace.length === 0 ? {} : { replace }),
    ...(threshold === undefined ? {} : { threshold }),
    ...(removeOld ? { removeOld: (keyId: string) => mentionsOfKey(trustDirectory, keyId) } : {}),
    ...(keys.length === 0
      ? {}
      : {
          keys: () =>
            chosenKeys(keys, {
              store,
              files: () => openKeyFiles(io, wanted.passphrases),
              use: keyUseOf(role, image.gun),
              now: io.now(),
            }),
        }),
  };
}

/** What a key of a role is kept for: docker keeps a signer's under the signer's name. */
export function keyUseOf(role: RoleName, gun: string): KeyUse {
  const [, signer] = /^targets\/([^/]+)$/u.exec(role) ?? [];
  if (signer !== undefined) return { role: signer };
  return role === "root" || role.startsWith("targets/") ? { role } : { role, gun };
}
