import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { captured } from "../captured-io.ts";
import { openGatewayMemory } from "./gateway-memory.ts";

const directory = mkdtempSync(join(tmpdir(), "gateway-memory-"));
after(() => rmSync(directory, { recursive: true, force: true }));
const file = join(directory, "database");
const now = (): Date => new Date();
const ignore = { log: () => undefined, watch: { add: () => undefined } };

describe("the address of a gateway's database", () => {
  it("I6: comes from a file that a variable names, and no error repeats it", async () => {
    writeFileSync(file, "oracle://tagseal:secret@db/tagseal\n", { mode: 0o600 });
    const { io } = captured({ env: { TAGSEAL_GATEWAY_DATABASE_FILE: file }, now });
    // a directory of files beside it shows that the address was seen
    await assert.rejects(openGatewayMemory({ data: directory }, io, ignore), { code: "USAGE" });
    await assert.rejects(openGatewayMemory({}, io, ignore), (error: Error) => !error.message.includes("secret"));
  });

  it("I9: that cannot be read, or is given twice, does not become a memory in files", async () => {
    const variables = { TAGSEAL_GATEWAY_DATABASE_FILE: file, TAGSEAL_GATEWAY_DATABASE: "postgres://db/tagseal" };
    for (const env of [variables, { TAGSEAL_GATEWAY_DATABASE_FILE: join(directory, "missing") }])
      await assert.rejects(openGatewayMemory({ data: directory }, captured({ env, now }).io, ignore), {
        code: "SERVER_CONFIGURATION",
      });
  });
});
