/** Variables of every command that may use a key in a token, for help. */
export const tokenEnvironment: readonly (readonly [string, string])[] = [
  ["TAGSEAL_TOKEN_PIN", "PIN of the token that holds a key; when unset, you are asked at the terminal, once"],
  ["TAGSEAL_PKCS11_MODULE", "PKCS#11 module of the token, when its URI names none"],
  ["TAGSEAL_PKCS11JS", "directory of the package pkcs11js, when it is not installed beside Tagseal"],
];
