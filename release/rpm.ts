/** Writes RPM packages, with rpm's own program. */
import { execFileSync } from "node:child_process";
import { copyFileSync, lstatSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { currentVersion, maintainers, releaseDate } from "./edition.ts";
import { entriesOf, setModes } from "./modes.ts";
import type { LinuxPackage } from "./package-contents.ts";
import { serviceScripts } from "./service-scripts.ts";

const architectures: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

/** Directories that other packages own. If this package owned them as well, their modes would conflict. */
const shared =
  /^(?:usr|opt|etc|usr\/(?:bin|lib)|usr\/lib\/systemd(?:\/system)?|usr\/share(?:\/(?:doc|man|man\/man1|(?:bash-completion|fish|zsh)(?:\/[^/]+)?))?)$/u;

/** Writes the package into `output`, working in `directory`. @returns its file name */
export function writeRpm(contents: LinuxPackage, directory: string, output: string): string {
  const architecture = architectures[contents.architecture] ?? contents.architecture;
  setModes(contents.tree);
  const work = join(directory, `${contents.name}-${architecture}-rpmbuild`);
  mkdirSync(work, { recursive: true });
  const spec = join(work, "tagseal.spec");
  writeFileSync(spec, specOf(contents));
  const definitions = [`_topdir ${work}`, `_rpmdir ${work}`, "_rpmfilename package.rpm", `_dbpath ${work}/db`];
  const options = ["-bb", "--quiet", "--target", `${architecture}-linux`];
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(Math.floor(releaseDate().getTime() / 1000)) };
  const words = [...options, ...definitions.flatMap((text) => ["--define", text]), spec];
  execFileSync("rpmbuild", words, { stdio: ["ignore", "ignore", "inherit"], env });
  const file = `${contents.name}-${rpmVersion()}-1.${architecture}.rpm`;
  copyFileSync(join(work, "package.rpm"), join(output, file));
  return file;
}

function rpmVersion(): string {
  return currentVersion().replace("-", "~");
}

function specOf(contents: LinuxPackage): string {
  return `# The files are finished: nothing may strip the executable, whose code lies behind what a linker knows of.
%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none
%global _binary_payload w3.zstdio
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global _buildhost localhost
Name: ${contents.name}
Version: ${rpmVersion()}
Release: 1
Summary: ${contents.summary}
License: Apache-2.0
Packager: ${maintainers()}
AutoReqProv: no
${contents.needs.rpm.map((need) => `Requires: ${need}`).join("\n")}
Recommends: ca-certificates

%description
${contents.description}

%install
cp -al ${contents.tree}/. %{buildroot}/

%files
%defattr(-,root,root,-)
${filesOf(contents).join("\n")}
${scriptlets(contents)}`;
}

function filesOf({ tree, settings }: LinuxPackage): string[] {
  return entriesOf(tree).flatMap((name) => {
    const path = `"/${name}"`;
    if (lstatSync(join(tree, name)).isDirectory()) return shared.test(name) ? [] : [`%dir ${path}`];
    return [settings.includes(`/${name}`) ? `%config(noreplace) ${path}` : path];
  });
}

/** In a removal the argument of the last two is 0, in an upgrade 1. */
function scriptlets({ services }: LinuxPackage): string {
  if (services.length === 0) return "";
  const { placed, upgraded, leaving, left } = serviceScripts(services);
  return `
%post
${placed}
%preun
if [ "$1" -eq 0 ]; then
${leaving}fi

%postun
${left}if [ "$1" -ge 1 ]; then
${upgraded}fi
`;
}
