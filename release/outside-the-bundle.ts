/** Packages that stay outside all bundles, each loaded only when it is used: native code, database drivers, and what writes SQL for them. */
export const outsideTheBundle: readonly string[] = ["kysely", "pg", "mysql2", "pkcs11js", "@grpc/grpc-js"];

/** What of these is not in the self-contained executable either: native code, which is loaded from a directory that the user names. */
export const outsideTheExecutable: readonly string[] = ["pkcs11js"];
