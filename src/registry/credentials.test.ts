import assert from "node:assert/strict";
import { test } from "node:test";
import { reply, startStory } from "../../test/support/story-server.ts";
import { DockerConfig } from "../docker-config/docker-login.ts";
import { Authenticator } from "./authentication.ts";
import { HttpClient } from "../http/client/http-client.ts";

const auth = (password: string): { auth: string } => ({ auth: Buffer.from(`alice:${password}`).toString("base64") });

test("after docker's browser login a server gets the password, not one of the tokens stored with it", async (t) => {
  const key = "https://index.docker.io/v1/";
  const auths = { [key]: auth("right"), [`${key}access-token`]: auth("a"), [`${key}refresh-token`]: auth("r") };
  const config = new DockerConfig({ auths }, {});
  const http = new HttpClient();
  t.after(() => http.close());
  const server = await startStory(t, ({ headers }, response) =>
    headers.authorization === undefined
      ? reply(response, 401, "", { "www-authenticate": "Basic realm=x" })
      : reply(response, 200),
  );
  const authenticator = new Authenticator(http, {
    credentials: (signal) => config.credentialsFor("docker.io", signal),
  });
  (await authenticator.request({ method: "GET", url: server.url("/") })).discard();
  assert.equal(server.headers.at(-1)?.authorization, `Basic ${auth("right").auth}`);
});
