/** How Tagseal introduces itself to registries and trust servers. The version is package.json's, which a test holds it to: reading that file would cost start-up time. */
export const defaultUserAgent = "Tagseal/0.1.0";
