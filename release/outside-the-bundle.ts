/** Packages that stay outside all bundles, each loaded only when it is used: native code, database drivers, and what writes SQL for them. */
export const outsideTheBundle: readonly string[] = ["kysely", "pg", "mysql2", "pkcs11js", "@grpc/grpc-js"];
