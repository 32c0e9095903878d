/** The user agent for registries and trust servers. A test compares the version with package.json: reading that file costs start-up time. */
export const defaultUserAgent = "Tagseal/0.1.0";
