import assert from "node:assert/strict";
import { it } from "node:test";
import { loadPackage } from "./optional-package.ts";

it("names the missing package, and how to install it", async () => {
  const name: string = "no-such-driver-of-any-database";
  await assert.rejects(
    loadPackage(name, () => import(name)),
    {
      code: "SERVER_CONFIGURATION",
      message: /no-such-driver-of-any-database/u,
      hint: /npm install/u,
    },
  );
});
