import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import {
  change,
  gun,
  later,
  now,
  publishedStory,
  target,
  type EditingStory,
} from "../../../test/support/editing-story.ts";
import { CollectionEditor } from "../editor.ts";
import type { MetadataFile } from "../metadata.ts";
import { parseMetadata } from "../notary-v1/parse.ts";
import { parseProposal, serialiseProposal } from "../notary-v1/proposal-json.ts";
import { judgeProposal, type ProposalBase } from "./judged-proposal.ts";
import { type Proposal, proposalId } from "./proposal.ts";

const role = "targets/releases";

/** Releases needs two of two keys, and `v2` is proposed with the first. */
async function proposed(): Promise<{ readonly story: EditingStory; readonly proposal: Proposal }> {
  const story = await publishedStory();
  const keys = [story.held.generate(), story.held.generate()];
  await change(story, (editor) => {
    editor.addDelegation(role, { addKeys: keys, addPaths: [""], threshold: 2 });
    editor.addTarget(role, "v1", target("one"));
  });
  const editor = CollectionEditor.from(story.published.read());
  editor.addTarget(role, "v2", target("two"));
  const signed = await editor.sign(story.held.without(...keys.slice(1)).signingKeys, { now, underSigned: true });
  const files = new Map([...signed].map(([name, bytes]) => [name, parseMetadata(name, bytes)]));
  return { story, proposal: { gun, expiresAt: later(14), files } };
}

function baseOf({ published }: EditingStory): ProposalBase {
  const file = (name: string): MetadataFile | undefined => {
    if (name === "root") return published.root;
    return published.files.has(name) ? published.targets(name) : undefined;
  };
  return { gun, file, versionOf: (name) => file(name)?.body.version ?? 0 };
}

interface SignedTargets {
  version: number;
  expires: string;
  targets: Record<string, { hashes: Record<string, string> }>;
}

interface Signature {
  keyid: string;
}

interface Document {
  expires: string;
  gun: string;
  files: Record<string, { signed: SignedTargets; signatures: Signature[] }>;
}

function signedIn(files: Document["files"]): SignedTargets {
  const { signed } = files[role] ?? {};
  assert.ok(signed);
  return signed;
}

/** What arrives when the place that keeps a proposal changes it. */
function tampered(proposal: Proposal, edit: (document: Document) => void): Proposal {
  const document: Document = JSON.parse(Buffer.from(serialiseProposal(proposal)).toString("utf8"));
  edit(document);
  return parseProposal(Buffer.from(JSON.stringify(document), "utf8"));
}

describe("who keeps a proposal", () => {
  let story: EditingStory;
  let proposal: Proposal;
  let base: ProposalBase;
  before(async () => {
    ({ story, proposal } = await proposed());
    base = baseOf(story);
  });

  it("I9: cannot change what is signed: nothing changed has a signature, and it has another name", () => {
    assert.equal(judgeProposal(proposal, base, now).isComplete, false);
    const other = { hashes: { sha256: Buffer.alloc(32).toString("base64") } };
    const edits: ((signed: SignedTargets) => void)[] = [
      ({ targets }) => Object.assign(targets["v2"] ?? {}, other),
      ({ targets }) => (targets["evil"] = targets["v2"] ?? other),
      ({ targets }) => delete targets["v1"],
      (signed) => (signed.expires = later(30).toISOString()),
    ];
    for (const edit of edits) {
      const changed = tampered(proposal, ({ files }) => edit(signedIn(files)));
      assert.notEqual(proposalId(changed), proposalId(proposal));
      assert.throws(() => judgeProposal(changed, base, now), { code: "PROPOSAL_MALFORMED" });
    }
  });

  it("I9: cannot make it one for another repository, nor add a role that no key of it has signed", () => {
    const elsewhere = tampered(proposal, (document) => (document.gun = "docker.io/library/other"));
    assert.throws(() => judgeProposal(elsewhere, base, now), { code: "PROPOSAL_MALFORMED" });
    const more = tampered(proposal, ({ files }) => {
      const targets: Document["files"][string] = JSON.parse(
        Buffer.from(story.published.targets().bytes).toString("utf8"),
      );
      targets.signed.version += 1;
      files["targets"] = targets;
    });
    assert.throws(() => judgeProposal(more, base, now), { code: "PROPOSAL_MALFORMED" });
  });

  it("I2: cannot make up a signature: those of other keys, and copies, are dropped", () => {
    const judged = judgeProposal(
      tampered(proposal, ({ files }) => {
        const entry = files[role];
        entry?.signatures.push(
          ...entry.signatures,
          ...entry.signatures.map((signature) => ({ ...signature, keyid: "b".repeat(64) })),
        );
      }),
      base,
      now,
    );
    assert.deepEqual(
      judged.roles.map(({ file, isComplete }) => [file.signatures.length, isComplete]),
      [[1, false]],
    );
  });

  it("can withhold its end, which is not signed, and not the version: another publication ends it for good", async () => {
    const kept = tampered(proposal, (document) => (document.expires = later(900).toISOString()));
    assert.equal(proposalId(kept), proposalId(proposal));
    assert.doesNotThrow(() => judgeProposal(kept, base, later(20)));
    assert.throws(() => judgeProposal(proposal, base, later(20)), { code: "PROPOSAL_EXPIRED" });
    const other = await proposed();
    await change(other.story, (editor) => editor.addTarget(role, "v3", target("three")));
    assert.throws(() => judgeProposal(other.proposal, baseOf(other.story), now), { code: "PROPOSAL_OVERTAKEN" });
  });

  it("I4: cannot have one signed that builds on a state which this machine has not verified", () => {
    const behind: ProposalBase = { ...base, versionOf: (name) => base.versionOf(name) - 1 };
    assert.throws(() => judgeProposal(proposal, behind, now), { code: "METADATA_STALE" });
  });
});
