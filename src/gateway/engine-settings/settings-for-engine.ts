/** Settings of each engine that can be made to ask the gateway only. */
import { UsageError } from "../../errors.ts";
import { isLoopbackHost } from "../../reference/loopback.ts";
import { checkRegistry } from "../../reference/reference-grammar.ts";
import { buildkitSettings } from "./buildkit-settings.ts";
import { containerdSettings, k3sSettings } from "./containerd-settings.ts";
import { containersSettings } from "./containers-settings.ts";
import { dockerSettings } from "./docker-settings.ts";
import {
  type ConfigurableEngine,
  configurableEngines,
  type EngineSettings,
  type GatewayTarget,
} from "./engine-settings.ts";

const makers: Readonly<Record<ConfigurableEngine, (target: GatewayTarget) => EngineSettings>> = {
  buildkit: buildkitSettings,
  containerd: containerdSettings,
  crio: containersSettings,
  docker: dockerSettings,
  k3s: k3sSettings,
  podman: containersSettings,
};

/** These name each registry in their settings: they have no entry for all. */
const needRegistries: ReadonlySet<ConfigurableEngine> = new Set(["buildkit", "crio", "podman"]);

/**
 * The settings with which an engine asks the gateway only.
 *
 * @throws UsageError `USAGE` without registries where the engine needs them; `REFERENCE_INVALID`
 */
export function settingsForEngine(engine: ConfigurableEngine, target: GatewayTarget): EngineSettings {
  if (target.registries.length === 0 && needRegistries.has(engine))
    throw new UsageError("USAGE", `${engine} has no setting for all registries: name those that the gateway serves`, {
      hint: `Give each of them: --registry docker.io --registry registry.example.com.`,
    });
  for (const registry of target.registries) checkRegistry(registry);
  return makers[engine](target);
}

/** Reads the name of an engine. @throws UsageError `USAGE` */
export function parseConfigurableEngine(word: string): ConfigurableEngine {
  const engine = configurableEngines.find((each) => each === word);
  if (engine !== undefined) return engine;
  throw new UsageError("USAGE", `there are no settings for "${word}"`, {
    hint: `Name one of: ${configurableEngines.join(", ")}.`,
  });
}

/** Reads the address of a gateway. @throws UsageError `USAGE` for one that a man in the middle could be, or that engines cannot use */
export function parseGatewayUrl(text: string): URL {
  const url = URL.parse(text.includes("://") ? text : `https://${text}`);
  const isPlain = url?.protocol === "http:" && isLoopbackHost(url.hostname);
  if (url === null || (url.protocol !== "https:" && !isPlain))
    throw new UsageError("USAGE", `"${text}" is not the address of a gateway`, {
      hint: "Write https://HOST or https://HOST:PORT; plain http:// is for this machine only.",
    });
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== "" || url.password !== "")
    throw new UsageError("USAGE", `"${text}" has more than a host and a port`, {
      hint: "Write https://HOST or https://HOST:PORT: engines have no place for a path or a login in it.",
    });
  return url;
}
