/** The tokens that are plugged in, and the state of their PINs. */
import type { Handle } from "pkcs11js";
import { KeyStoreError } from "../../errors.ts";
import { hasReturned, type Pkcs11Module, tokenFailed } from "./pkcs11-module.ts";
import { formatPkcs11Uri, type Pkcs11Uri } from "./pkcs11-uri.ts";

/** What a token says about its PIN. It gives no number of tries. */
export type PinState = "ok" | "some tries used" | "last try" | "locked" | "not set" | "not needed";

/** A token. */
export interface Pkcs11Token {
  readonly module: Pkcs11Module;
  readonly slot: Handle;
  readonly slotId: number;
  readonly slotDescription: string;
  readonly label: string;
  readonly serial: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly isInitialised: boolean;
  readonly pin: PinState;
  /** the PIN is typed on the reader itself */
  readonly hasPinPad: boolean;
}

const maxTokens = 256;

/** Every token of a module, in the order of its slots, also those that are not initialised. */
export function tokensOf(module: Pkcs11Module): readonly Pkcs11Token[] {
  const tokens: Pkcs11Token[] = [];
  try {
    for (const slot of module.api.C_GetSlotList(true).slice(0, maxTokens)) {
      const token = readToken(module, slot);
      if (token !== undefined) tokens.push(token);
    }
  } catch (cause) {
    throw tokenFailed("list the tokens", module.path, cause);
  }
  return tokens;
}

/** The token in a slot as it is now; undefined when it has been unplugged. */
export function readToken(module: Pkcs11Module, slot: Handle): Pkcs11Token | undefined {
  const { api, addon } = module;
  try {
    const info = api.C_GetTokenInfo(slot);
    return {
      module,
      slot,
      slotId: Number(slot.readBigUInt64LE(0)),
      slotDescription: unpadded(api.C_GetSlotInfo(slot).slotDescription),
      label: unpadded(info.label),
      serial: unpadded(info.serialNumber),
      manufacturer: unpadded(info.manufacturerID),
      model: unpadded(info.model),
      isInitialised: (info.flags & addon.CKF_TOKEN_INITIALIZED) !== 0,
      pin: pinState(info.flags),
      hasPinPad: (info.flags & addon.CKF_PROTECTED_AUTHENTICATION_PATH) !== 0,
    };
  } catch (error) {
    if (hasReturned(error, addon.CKR_TOKEN_NOT_PRESENT, addon.CKR_TOKEN_NOT_RECOGNIZED)) return undefined;
    throw error;
  }
}

const flag = { loginRequired: 0x4, pinSet: 0x8, countLow: 0x1_0000, finalTry: 0x2_0000, locked: 0x4_0000 };

/** Reads the flags of a token. @see PKCS #11 v2.40, CK_TOKEN_INFO */
export function pinState(flags: number): PinState {
  const has = (bit: number): boolean => (flags & bit) !== 0;
  if (!has(flag.loginRequired)) return "not needed";
  if (!has(flag.pinSet)) return "not set";
  if (has(flag.locked)) return "locked";
  if (has(flag.finalTry)) return "last try";
  return has(flag.countLow) ? "some tries used" : "ok";
}

/** The URI of a token: its label and its serial number, since labels repeat. */
export function tokenUri({ label, serial, module }: Pkcs11Token): Pkcs11Uri {
  return {
    ...(label === "" ? {} : { token: label }),
    ...(serial === "" ? {} : { serial }),
    modulePath: module.path,
  };
}

/** A token in prompts and messages. */
export function describeToken({ label, serial }: Pick<Pkcs11Token, "label" | "serial">): string {
  return `token ${JSON.stringify(label)} (serial ${serial})`;
}

/** True for a token that a URI matches. */
export function matches(uri: Pkcs11Uri, token: Pkcs11Token): boolean {
  return (
    (uri.token ?? token.label) === token.label &&
    (uri.serial ?? token.serial) === token.serial &&
    (uri.manufacturer ?? token.manufacturer) === token.manufacturer &&
    (uri.model ?? token.model) === token.model &&
    (uri.slotId ?? token.slotId) === token.slotId
  );
}

/**
 * The one token that a URI names. The same token seen through two modules is one: the first module counts.
 *
 * @throws KeyStoreError `KEY_NOT_FOUND`; `KEY_AMBIGUOUS` with the URI of each token
 */
export function chooseToken(uri: Pkcs11Uri, tokens: readonly Pkcs11Token[]): Pkcs11Token {
  const found = tokens.filter((token) => token.isInitialised && matches(uri, token));
  const [first, ...others] = found.filter((token, index) => found.findIndex((other) => isSame(other, token)) === index);
  if (first === undefined) {
    throw new KeyStoreError("KEY_NOT_FOUND", `No token matches ${formatPkcs11Uri(tokenPart(uri))}`, {
      hint: "Plug the token in, and compare: tagseal trust key tokens",
    });
  }
  if (others.length === 0) return first;
  const all = [first, ...others].map(describeToken).join(", ");
  throw new KeyStoreError(
    "KEY_AMBIGUOUS",
    `${others.length + 1} tokens match ${formatPkcs11Uri(tokenPart(uri))}: ${all}`,
    {
      hint: `Add the serial number to the URI, for example serial=${encodeURIComponent(first.serial)}.`,
    },
  );
}

function isSame(one: Pkcs11Token, other: Pkcs11Token): boolean {
  return one === other || (one.module !== other.module && one.serial !== "" && one.serial === other.serial);
}

function tokenPart({ object: _object, id: _id, pinSource: _pinSource, ...rest }: Pkcs11Uri): Pkcs11Uri {
  return rest;
}

function unpadded(text: string): string {
  return text.replace(/[\0 ]+$/u, "");
}
