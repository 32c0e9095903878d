import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hasCode } from "../../errors.ts";
import { refuseUncoveredBuild } from "./uncovered-builds.ts";

describe("builds that are not covered", () => {
  const refused = [
    "buildx bake",
    "buildx --builder x bake --push",
    "buildx f",
    "builder bake",
    "compose build",
    "compose -f up.yml --profile x build web",
    "compose up --build -d",
    "compose run --build=true web",
    "compose watch",
  ];
  const covered = [
    "buildx build .",
    "buildx ls",
    "compose up",
    "compose -p build up",
    "compose up --build=false",
    "ps",
    "compose",
  ];

  for (const line of refused) {
    it(`I9: are refused: ${line}`, () => {
      assert.throws(
        () => refuseUncoveredBuild(line.split(" ")),
        (error: unknown) => hasCode(error, "DOCKERFILE_REFUSED"),
      );
    });
  }
  for (const line of covered) {
    it(`are not: ${line}`, () => refuseUncoveredBuild(line.split(" ")));
  }
});
