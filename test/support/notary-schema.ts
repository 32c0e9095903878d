/** The tables the reference server and signer expect; their packages ship no schema. Column names and types are theirs. */

interface Dialect {
  readonly id: string;
  readonly time: string;
  readonly now: string;
  readonly blob: string;
}

const dialects: Readonly<Record<"postgres" | "mysql", Dialect>> = {
  postgres: { id: "serial primary key", time: "timestamp", now: "timestamp default current_timestamp", blob: "bytea" },
  mysql: {
    id: "int auto_increment primary key",
    time: "timestamp null",
    now: "timestamp default current_timestamp",
    blob: "longblob",
  },
};

function stamps({ id, time }: Dialect): string {
  return `id ${id}, created_at ${time}, updated_at ${time}, deleted_at ${time}`;
}

/** SQL script for the trust server's database. */
export function serverSchema(kind: "postgres" | "mysql"): string {
  const dialect = dialects[kind];
  return `
    create table tuf_files (${stamps(dialect)}, gun varchar(255) not null, role varchar(255) not null, version int not null,
      data ${dialect.blob} not null, sha256 char(64), unique (gun, role, version));
    create index tuf_files_by_hash on tuf_files (sha256);
    create table change_category (category varchar(20) primary key);
    insert into change_category values ('update'), ('deletion');
    create table changefeed (id ${dialect.id}, created_at ${dialect.now}, gun varchar(255) not null, version int not null,
      sha256 char(64), category varchar(20) not null default 'update', foreign key (category) references change_category (category));
    create index changefeed_by_gun on changefeed (gun);`;
}

/** SQL script for the signer's database. */
export function signerSchema(kind: "postgres" | "mysql"): string {
  const dialect = dialects[kind];
  return `
    create table private_keys (${stamps(dialect)}, key_id varchar(255) not null unique, encryption_alg varchar(255) not null,
      keywrap_alg varchar(255) not null, algorithm varchar(50) not null, passphrase_alias varchar(50) not null,
      public ${dialect.blob} not null, private ${dialect.blob} not null, gun varchar(255) not null, role varchar(255) not null,
      last_used ${dialect.time}, unique (key_id, algorithm));`;
}
