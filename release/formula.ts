/** The formula by which Homebrew installs the executable of a release, with its manual pages and completions. */
import { currentVersion } from "./edition.ts";
import { type Target } from "./bun.ts";
import { releasedExecutable } from "./executable-build.ts";
import { manualName } from "./manual.ts";

/** The formula's file in a release. */
export const formulaName = "tagseal.rb";

/** What the formula says about the release's files. */
export interface FormulaFacts {
  /** where the files are, without a slash at the end */
  readonly url: string;
  /** the SHA-256 of a file, in hex */
  readonly sumOf: (name: string) => string;
}

/** The formula, as Ruby. */
export function formula({ url, sumOf }: FormulaFacts): string {
  const place = (name: string): string => `url "${url}/${name}"\n      sha256 "${sumOf(name)}"`;
  const on = (target: Target): string => place(releasedExecutable(target));
  return `# Made by \`npm run release\` of Tagseal.
class Tagseal < Formula
  desc "Content trust for container images"
  homepage "${url}"
  version "${currentVersion()}"
  license "Apache-2.0"

  on_macos do
    on_arm do
      ${on("darwin-arm64")}
    end
    on_intel do
      ${on("darwin-x64")}
    end
  end

  on_linux do
    on_arm do
      ${on("linux-arm64")}
    end
    on_intel do
      ${on("linux-x64")}
    end
  end

  resource "manual" do
    ${place(manualName()).replace("\n      ", "\n    ")}
  end

  def install
    bin.install Dir["tagseal-*"].first => "tagseal"
    chmod 0555, bin/"tagseal"
    resource("manual").stage do
      man1.install Dir["man/*.1"]
      bash_completion.install "completions/tagseal.bash" => "tagseal"
      fish_completion.install "completions/tagseal.fish"
      zsh_completion.install "completions/_tagseal"
    end
  end

  test do
    assert_equal "tagseal #{version}", shell_output("#{bin}/tagseal version").strip
    assert_match "every attack was refused", shell_output("#{bin}/tagseal sandbox --demo")
  end
end
`;
}
