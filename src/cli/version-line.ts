/** The version, a copy of package.json's (a test compares them): reading the file would cost start-up time. */
export const version = "0.1.0";

/** What `tagseal version` prints. */
export const versionLine = `tagseal ${version}\n`;
