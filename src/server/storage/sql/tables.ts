/** The tables as Kysely sees them: the same for every kind of server. `migrations/*.sql` document each one. */

/** Rows by table. */
export interface Tables {
  readonly tagseal_schema: { readonly component: string; readonly version: number };
  readonly tagseal_collections: {
    readonly gun: string;
    readonly revision: number;
    readonly timestamp_sha256: string | null;
  };
  readonly tagseal_collection_sizes: { readonly gun: string; readonly bytes: number };
  readonly tagseal_files: {
    readonly gun: string;
    readonly role: string;
    readonly version: number;
    readonly sha256: string;
    readonly created_at: number;
    readonly data: Buffer;
  };
  readonly tagseal_deleted_files: Tables["tagseal_files"] & { readonly deleted_at: number };
  readonly tagseal_proposals: {
    readonly gun: string;
    readonly id: string;
    readonly sha256: string;
    readonly created_at: number;
    readonly expires_at: number;
    readonly data: Buffer;
  };
  readonly tagseal_changes: {
    readonly id: number;
    readonly created_at: number;
    readonly gun: string;
    readonly version: number;
    readonly sha256: string;
    readonly category: string;
  };
  readonly tagseal_change_position: { readonly id: number; readonly last_change: number };
  readonly tagseal_probes: { readonly writer: string; readonly filler: Buffer };
  readonly tagseal_keys: {
    readonly key_id: string;
    readonly created_at: number;
    readonly gun: string;
    readonly role: string;
    readonly algorithm: string;
    readonly passphrase_alias: string;
    readonly public: Buffer;
    readonly private: string;
    readonly deleted_at: number | null;
  };
  readonly tagseal_derivation_secret: {
    readonly id: number;
    readonly passphrase_alias: string;
    readonly sealed: string;
  };
  readonly tagseal_key_assignments: {
    readonly key_id: string;
    readonly gun: string;
    readonly role: string;
    readonly algorithm: string;
    readonly public: Buffer;
    readonly assigned_at: number;
    readonly pending: number | null;
  };
  readonly tagseal_remembered: {
    readonly id: string;
    readonly gun: string;
    readonly name: string;
    readonly version: number;
    readonly sha256: string;
    readonly data: Buffer;
    readonly first_seen_at: number;
    readonly confirmed_at: number;
  };
}
