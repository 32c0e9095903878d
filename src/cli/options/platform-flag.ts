import type { TextOption } from "./option.ts";

/** `--platform`: chooses one platform's image in a signed index. */
export const platformOption: TextOption = {
  kind: "text",
  value: "os/arch[/variant]",
  complete: [
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/386",
    "linux/ppc64le",
    "linux/s390x",
    "linux/riscv64",
  ],
  help: "Choose this platform's image in the signed index",
};
