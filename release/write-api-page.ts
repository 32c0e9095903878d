/** `npm run api-page`: writes `docs/api.md` (or the file named on the command line) again after what it describes has changed. */
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { apiPage } from "./api-page.ts";
import { writeTypes } from "./types.ts";

using types = mkdtempDisposableSync(join(tmpdir(), "tagseal-types-"));
await writeTypes(types.path);
writeFileSync(resolve(process.argv[2] ?? join(import.meta.dirname, "..", "docs", "api.md")), apiPage(types.path));
