import manifest from "../../package.json" with { type: "json" };

/** How Tagseal introduces itself to registries and trust servers: `Tagseal/<version>`. */
export const defaultUserAgent = `Tagseal/${manifest.version}`;
