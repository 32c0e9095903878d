/** The remote signer, as the `server-config.json` files that come with Notary have it. */
export const remoteTrustService = {
  type: "remote",
  hostname: "notarysigner",
  port: "7899",
  tls_ca_file: "./root-ca.crt",
  key_algorithm: "ecdsa",
  tls_client_cert: "./notary-server.crt",
  tls_client_key: "./notary-server.key",
};
