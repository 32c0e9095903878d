import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatPkcs11Uri, parsePkcs11Uri } from "./pkcs11-uri.ts";

const refused = { code: "KEY_URI_INVALID" };

describe("PKCS#11 URIs", () => {
  it("are read in all their parts", () => {
    const uri =
      "pkcs11:token=The%20token;serial=0a%2F1;manufacturer=M;model=X;slot-id=7;object=k%C3%A9y;id=%00%fF;type=private?module-path=/usr/lib/m.so&pin-source=file:/etc/pin";
    assert.deepEqual(parsePkcs11Uri(uri), {
      token: "The token",
      serial: "0a/1",
      manufacturer: "M",
      model: "X",
      slotId: 7,
      object: "kéy",
      id: Buffer.from([0, 255]),
      modulePath: "/usr/lib/m.so",
      pinSource: "/etc/pin",
    });
    assert.equal(parsePkcs11Uri("pkcs11:?pin-source=file:///etc/pin").pinSource, "/etc/pin");
    assert.deepEqual(parsePkcs11Uri("pkcs11:"), {});
  });

  it("read back what was written, whatever the labels hold", () => {
    const uri = {
      token: "a;b?c&d=e%/ ü",
      serial: "1",
      object: "o'\"",
      id: Buffer.from("x\u0000y"),
      modulePath: "/a b/?.so",
      pinSource: "/p&q",
    };
    const written = formatPkcs11Uri(uri);
    assert.match(written, /^[\x21-\x7e]+$/u);
    assert.deepEqual(parsePkcs11Uri(written), uri);
  });

  for (const [what, uri] of [
    ["another scheme", "file:/x"],
    ["a part without a value", "pkcs11:token"],
    ["an empty part", "pkcs11:token="],
    ["an unknown part, which could tell two keys apart", "pkcs11:colour=red"],
    ["a query part in the path", "pkcs11:module-path=/m.so"],
    ["a part given twice", "pkcs11:token=a;token=b"],
    ["half an escape", "pkcs11:token=%2"],
    ["text that is not UTF-8", "pkcs11:token=%ff"],
    ["a control character in a label", "pkcs11:token=%1b"],
    ["a certificate", "pkcs11:object=a;type=cert"],
    ["a slot that is not a number", "pkcs11:slot-id=x"],
    ["a module in the current directory", "pkcs11:token=a?module-path=m.so"],
    ["a PIN from a program", "pkcs11:token=a?pin-source=%7Ccat"],
    ["two queries", "pkcs11:token=a?module-path=/m?pin-source=/p"],
  ] as const) {
    it(`refuse ${what}`, () => assert.throws(() => parsePkcs11Uri(uri), refused));
  }

  it("I6: a PIN in a URI is refused, and not repeated", () => {
    for (const uri of ["pkcs11:token=a?pin-value=2468", "pkcs11:token=a;pin-value=2468"]) {
      assert.throws(
        () => parsePkcs11Uri(uri),
        (error: Error) =>
          !`${error.message}${String(Object.values(error))}`.includes("2468") && /holds a PIN/u.test(error.message),
      );
    }
  });
});
