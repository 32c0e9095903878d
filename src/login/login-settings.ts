/** How clients log in. Plain values, as a configuration file can hold them. */

/** Docker's token authentication, in the words of Notary's configuration. At least one source of keys must be given. */
export interface TokenSettings {
  /** URL where clients get their tokens; they send passwords there */
  readonly realm: string;
  /** what tokens must be made for (`aud`), and what clients ask for at the realm */
  readonly service: string;
  /** who must have made them (`iss`) */
  readonly issuer: string;
  /** PEM file of certificates: their keys sign tokens, or issue the certificates whose keys do */
  readonly rootcertbundle?: string | undefined;
  /** JSON Web Key Set with the public keys of the issuer */
  readonly jwks?: string | undefined;
  /** the challenge to a client that only logs in names no scope, as registries have it; it names the catalogue when absent */
  readonly isLoginScopeless?: boolean | undefined;
  /** with rules, a token may do what both it and the rules allow; true when absent */
  readonly restrictedByRules?: boolean | undefined;
}

/** User names and passwords. */
export interface BasicSettings {
  /** file of `htpasswd -B`: bcrypt only */
  readonly htpasswd: string;
  /** what clients show when they ask for a password; `tagseal` when absent */
  readonly realm?: string | undefined;
  /**
   * URL under which clients reach `/_tagseal/token` of this server. With it they exchange passwords for tokens there, and ask for
   * tokens where they have no password. Not together with `token`
   */
  readonly tokenRealm?: string | undefined;
  /** secret of 32 bytes or more that seals those tokens, the same on all replicas; a new one for each start when absent */
  readonly tokenKeyFile?: string | undefined;
}

/** Client certificates. */
export interface ClientCertificateSettings {
  /** PEM file of the authorities that issue client certificates */
  readonly caFile: string;
  /** refuse connections without a certificate, however else a client could log in; false when absent */
  readonly required?: boolean | undefined;
  /** the part of the certificate that is the user's name; the subject's common name when absent */
  readonly userFrom?: UserFrom | undefined;
}

/**
 * The subject's common name, or the only DNS name or URI among its alternative names. With `nobody` a certificate admits the connection and names no user.
 */
export type UserFrom = "commonName" | "dns" | "uri" | "nobody";
