/** Hostile bytes for parsers: random ones, and honest ones with a few things changed. */
import fc from "fast-check";
import { EncodingError, KeyStoreError, MetadataError } from "../../src/errors.ts";

/** How often a fuzz test runs; raise TAGSEAL_FUZZ_RUNS for a soak. */
export const fuzzRuns = Number(process.env["TAGSEAL_FUZZ_RUNS"] ?? 300);

type Change =
  | { readonly kind: "flip"; readonly at: number; readonly byte: number }
  | { readonly kind: "cut"; readonly at: number; readonly length: number }
  | { readonly kind: "repeat"; readonly at: number; readonly length: number }
  | { readonly kind: "insert"; readonly at: number; readonly bytes: Uint8Array };

const position = fc.nat(1_000_000);
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant("flip"), at: position, byte: fc.nat(255) }),
  fc.record({ kind: fc.constant("cut"), at: position, length: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant("repeat"), at: position, length: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant("insert"), at: position, bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }) }),
);

function apply(seed: Buffer, edit: Change): Buffer {
  const at = seed.length === 0 ? 0 : edit.at % seed.length;
  const [before, after] = [seed.subarray(0, at), seed.subarray(at)];
  if (edit.kind === "flip") return Buffer.concat([before, Buffer.of(edit.byte), after.subarray(1)]);
  if (edit.kind === "cut") return Buffer.concat([before, after.subarray(edit.length)]);
  if (edit.kind === "repeat") return Buffer.concat([before, after.subarray(0, edit.length), after]);
  return Buffer.concat([before, edit.bytes, after]);
}

/** Bytes to throw at a parser: one in four wholly random, the others mutations of the honest `seeds`. */
export function hostileBytes(...seeds: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  const mutated = fc
    .tuple(fc.constantFrom(...seeds), fc.array(change, { minLength: 1, maxLength: 5 }))
    .map(([seed, changes]) => changes.reduce(apply, Buffer.from(seed)));
  return fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 3, arbitrary: mutated },
  );
}

/**
 * Runs a parser that may refuse its input, but only with the errors made for that.
 *
 * @returns what it made of the input; undefined when it refused
 */
export function parsedOrRefused<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof EncodingError || error instanceof MetadataError || error instanceof KeyStoreError)
      return undefined;
    throw error;
  }
}
