/** A proposal as a file and as a message: JSON around the role files, which stand in it as they would be published. */

import { fileJson, jsonObject, parseJson } from "../../encoding/json.ts";
import { MetadataError, TagsealError } from "../../errors.ts";
import type { MetadataFile, RoleName } from "../metadata.ts";
import type { Proposal } from "../proposals/proposal.ts";
import { maxFileBytes } from "./bounds.ts";
import { parseMetadata } from "./parse.ts";
import { Shape } from "./shape.ts";
import { parseTime } from "./time.ts";

/** The most bytes of a proposal: as much as the largest role file. */
export const maxProposalBytes = maxFileBytes("targets");

/** Role files in one proposal. */
const maxProposedFiles = 256;
const format = 1;

/**
 * Parses a proposal. Its role files have the right shape, and nothing in them is verified.
 *
 * @throws MetadataError `PROPOSAL_MALFORMED`
 */
export function parseProposal(bytes: Uint8Array): Proposal {
  try {
    if (bytes.length > maxProposalBytes) throw tooLarge(bytes.length);
    const shape = Shape.of("proposal", parseJson(bytes), "the file");
    if (shape.integer("tagsealProposal") !== format) throw shape.fault(`is not a proposal of format ${format}`);
    const expiresAt = parseTime(shape.name("expires"));
    if (expiresAt === undefined) throw shape.fault("expires must be a time");
    return { gun: shape.name("gun"), expiresAt, files: filesIn(shape.child("files")) };
  } catch (cause) {
    if (!(cause instanceof TagsealError)) throw cause;
    throw new MetadataError("PROPOSAL_MALFORMED", `this is not a proposal: ${cause.message}`, {
      cause,
      hint: "Give a file that --out wrote.",
    });
  }
}

/** Writes a proposal: one line of JSON. */
export function serialiseProposal({ gun, expiresAt, files }: Proposal): Uint8Array {
  const written = jsonObject([...files].map(([role, file]) => [role, parseJson(file.bytes)]));
  const value = { expires: expiresAt.toISOString(), files: written, gun, tagsealProposal: format };
  return Buffer.from(`${fileJson(value)}\n`, "utf8");
}

function filesIn(shape: Shape): ReadonlyMap<RoleName, MetadataFile> {
  const roles = shape.memberNames(maxProposedFiles);
  if (roles.length === 0) throw shape.fault("has no file");
  return new Map(roles.map((role) => [role, fileIn(shape, role)]));
}

function fileIn(shape: Shape, role: RoleName): MetadataFile {
  return parseMetadata(role, Buffer.from(fileJson(shape.child(role).object), "utf8"));
}

function tooLarge(bytes: number): MetadataError {
  return new MetadataError("TOO_LARGE", `${bytes} bytes, more than the ${maxProposalBytes} allowed`);
}
