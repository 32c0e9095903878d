/** containerd behind a gateway: Debian's 1.6 and today's, with the settings of `gateway configure`, by CRI and ctr. k3s and dockerd 29 read the same files. */
import assert from "node:assert/strict";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Containerd, startContainerd } from "../support/containerd.ts";
import { refusedImages } from "../support/gateway-cases.ts";
import { gatewayEngineStory } from "../support/gateway-engine-story.ts";
import { type Finished, layoutBlobs, missingPeers, Scope, tagsealCommand } from "../support/peers.ts";

const skip = missingPeers(["containerd 2", "containerd 1", "skopeo", "openssl", "machine"]);
const certsDirectory = "/etc/containerd/certs.d";

for (const version of [1, 2] as const) {
  describe(`containerd ${version === 1 ? "1.6" : "2"} behind a gateway`, { skip }, () => {
    const scope = new Scope(`gateway-containerd-${version}`);
    const story = gatewayEngineStory(scope);
    let containerd: Containerd;

    before(async () => {
      await story.configure("containerd");
      containerd = await startContainerd(scope, { version, hostsDir: certsDirectory, machine: story.machine });
    });
    after(async () => await scope.close());

    /** `ctr images pull`, with the hosts of a directory. */
    const pull = async (image: string, hostsDir = certsDirectory): Promise<Finished> =>
      await containerd.ctr(["images", "pull", "--hosts-dir", hostsDir, "--snapshotter", "native", image]);

    it("pulls what was signed after the registry's tags were moved, byte for byte", async () => {
      for (const [repository, digest] of [
        ["team/app", story.single],
        ["team/multi", story.multi],
      ] as const) {
        const image = story.byRegistry(`${repository}:v1`);
        const asked = await story.asked(async () => {
          const { code, stderr } = await containerd.crictl(["pull", image]);
          assert.equal(code, 0, stderr);
        });
        assert.deepEqual(
          asked.filter((line) => line.includes("/manifests/v1")),
          [],
        );
        assert.equal((await pull(image)).code, 0);
        const { stdout } = await containerd.ctr(["images", "ls", `name==${image}`]);
        assert.ok(stdout.includes(digest), stdout);
        story.assertHeld(repository, layoutBlobs(containerd.contents));
      }
    });

    for (const [name, row] of Object.entries(refusedImages)) {
      it(`I9: is refused an image that is ${name}, and nothing of it is fetched`, async () => {
        const image = story.refused(row);
        const texts = await story.refusals(
          image,
          async () => await containerd.crictl(["pull", image]),
          async () => await pull(image),
        );
        for (const text of texts) {
          if (row.status === undefined) assert.match(text, /403 Forbidden/u);
          if (version === 2 || row.status !== undefined) assert.match(text, row.words);
        }
      });
    }

    const doctor = async (hostsDir: string): Promise<Finished> => {
      const probe = ["--gateway", story.url.origin, "--engine", "containerd", "--registry", story.story.registry.host];
      const env = { CONTAINERD_ADDRESS: containerd.socket, HOME: scope.directory };
      return await story.run([tagsealCommand, "doctor", ...probe, "--hosts-dir", hostsDir], env);
    };

    // doctor finds Debian's ctr in PATH. Only containerd's files have the authority at this point.
    if (version === 1)
      it("I9: doctor shows that containerd obeys the gateway", async () => {
        const obeyed = await doctor(certsDirectory);
        assert.equal(obeyed.code, 0, obeyed.stdout + obeyed.stderr);
      });

    it("I9: does not go past a gateway that does not answer, nor with the files for k3s and dockerd 29", async () => {
      const image = story.byRegistry("team/app:raw");
      const directories = {
        containerd: certsDirectory,
        k3s: "/var/lib/rancher/k3s/agent/etc/containerd/certs.d",
        docker: "/etc/docker/certs.d",
      } as const;
      for (const engine of ["containerd", "k3s", "docker"] as const) {
        await story.configure(engine);
        const [refusal] = await story.refusals(image, async () => await pull(image, directories[engine]));
        assert.match(refusal ?? "", /403 Forbidden/u);
        await story.configure(engine, { gateway: story.nowhere });
        const [silence] = await story.refusals(image, async () => await pull(image, directories[engine]));
        assert.match(silence ?? "", /gateway\.example\.com:9.*connection refused/u);
        await story.configure(engine);
      }
    });

    if (version === 1)
      it("I9: doctor shows that containerd would go past a gateway that is only a mirror", async () => {
        const { host } = story.story.registry;
        const mirror = scope.path("mirror");
        mkdirSync(join(mirror, host), { recursive: true });
        writeFileSync(join(mirror, host, "hosts.toml"), `server = "http://${host}"\n[host."${story.url.origin}"]\n`);
        for (const directory of [mirror, scope.path("empty")]) {
          const past = await doctor(directory);
          assert.equal(past.code, 1, past.stdout);
          assert.match(past.stdout, /tagseal gateway configure containerd --gateway https:.* --write/u);
        }
      });

    it("I9: asks the gateway for every registry with the settings for all", async () => {
      const places = story.machine.path(certsDirectory);
      renameSync(places, `${places}.named`);
      await story.configure("containerd", { registries: [] });
      const image = story.byRegistry("team/app:raw");
      const [text] = await story.refusals(image, async () => await pull(image));
      assert.match(text ?? "", /403 Forbidden/u);
    });
  });
}
