/** Packages that stay outside whatever is built, each loaded only when something asks for it: native code, database drivers, and what writes SQL for them. */
export const outsideTheBundle: readonly string[] = ["kysely", "pg", "mysql2", "pkcs11js", "@grpc/grpc-js"];
