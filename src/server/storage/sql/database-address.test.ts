import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isDatabaseUrl, parseDatabaseAddress } from "./database-address.ts";

const host = (name: string, port: number) => ({ host: name, port });

describe("the address of a database", () => {
  const cases = [
    {
      text: "postgres://server:s3cret@db.example.com/trust",
      engine: "postgres",
      hosts: [host("db.example.com", 5432)],
      user: "server",
      password: "s3cret",
      database: "trust",
      mode: "verify-full",
      display: "postgres://server@db.example.com/trust",
    },
    {
      text: "postgresql://db:6543/trust?sslmode=require&connect_timeout=5",
      engine: "postgres",
      hosts: [host("db", 6543)],
      user: undefined,
      password: undefined,
      database: "trust",
      mode: "require",
      display: "postgres://db:6543/trust",
    },
    {
      text: "mysql://u%40x:p%2Fw%25@h1:3307,h2,[::1]:3308/trust?ssl-mode=VERIFY_IDENTITY",
      engine: "mysql",
      hosts: [host("h1", 3307), host("h2", 3306), host("::1", 3308)],
      user: "u@x",
      password: "p/w%",
      database: "trust",
      mode: "verify-full",
      display: "mysql://u@x@h1:3307,h2,[::1]:3308/trust",
    },
    {
      text: "mariadb://root@/trust?socket=/run/a.sock,/run/b.sock",
      engine: "mysql",
      hosts: [{ socketPath: "/run/a.sock" }, { socketPath: "/run/b.sock" }],
      user: "root",
      password: undefined,
      database: "trust",
      mode: "disable",
      display: "mysql://root@/run/a.sock,/run/b.sock/trust",
    },
    {
      text: "server:p@ss:w/rd@tcp(mysql:3306)/notaryserver?parseTime=True",
      engine: "mysql",
      hosts: [host("mysql", 3306)],
      user: "server",
      password: "p@ss:w/rd",
      database: "notaryserver",
      mode: "disable",
      display: "mysql://server@mysql:3306/notaryserver",
    },
    {
      text: "server@tcp(mysql)/notaryserver?tls=true",
      engine: "mysql",
      hosts: [host("mysql", 3306)],
      user: "server",
      password: undefined,
      database: "notaryserver",
      mode: "verify-full",
      display: "mysql://server@mysql/notaryserver",
    },
    {
      text: "postgres://localhost/trust?sslmode=require&sslrootcert=/ca.pem",
      engine: "postgres",
      hosts: [host("localhost", 5432)],
      user: undefined,
      password: undefined,
      database: "trust",
      mode: "verify-ca",
      display: "postgres://localhost/trust",
    },
  ] as const;
  for (const { text, mode, ...expected } of cases) {
    it(`is read from ${text}`, () => {
      assert.equal(isDatabaseUrl(text), true);
      const { tls, ...found } = parseDatabaseAddress(text);
      assert.deepEqual(found, expected);
      assert.equal(tls.mode, mode);
    });
  }

  const refused = [
    { text: "postgres://u:secret@h/", why: /names no database/u },
    { text: "postgres://u:secret@h:0/d", why: /host in it is malformed/u },
    { text: "postgres://u:secret@h:99999/d", why: /host in it is malformed/u },
    { text: "postgres://u:secret@/d", why: /host in it is malformed/u },
    { text: "postgres://u:secret%zz@h/d", why: /percent sign/u },
    { text: "postgres://u:secret@h/d?sslmod=disable", why: /parameter sslmod/u },
    { text: "postgres://u:secret@h/d?sslmode=prefer", why: /TLS mode "prefer"/u },
    { text: "u:secret@tcp(h)/d?tls=preferred", why: /TLS mode "preferred"/u },
    { text: "u:secret@tcp(h)/d?allowAllFiles=true", why: /parameter allowAllFiles/u },
  ];
  for (const { text, why } of refused) {
    it(`is refused, without repeating its password: ${text}`, () => {
      assert.throws(
        () => parseDatabaseAddress(text),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, "SERVER_CONFIGURATION");
          assert.match(error.message, why);
          assert.doesNotMatch(error.message, /secret/u);
          return true;
        },
      );
    });
  }

  for (const path of ["metadata.db", "/var/lib/tagseal/metadata.db", "./a@b/c.db", "postgres.db", "/a:b@c/d.db"]) {
    it(`is otherwise the path of a file: ${path}`, () => assert.equal(isDatabaseUrl(path), false));
  }
});
