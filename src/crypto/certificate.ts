/** X.509 certificates: reading them, making the ones root keys need, and judging those found in root metadata. */
export { verifyCertificateChain } from "./certificate-chain.ts";
export { certificateMatchesName, checkLeafCertificate } from "./leaf-certificate.ts";
export type { LeafCertificateResult } from "./leaf-certificate.ts";
export { createRootCertificate } from "./root-certificate.ts";
export { isIssuedBy, parseCertificate, parseCertificateBundle } from "./x509.ts";
export type { Certificate } from "./x509.ts";
