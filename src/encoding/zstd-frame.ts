/** What the header of a zstd frame says before anything is decoded: how long the content is, and how much memory it takes. RFC 8878 §3.1.1.1. */

/** The beginning of a frame. */
export interface ZstdFrame {
  /** bytes of memory that a decoder needs for the frame, as it says; it may be any number */
  readonly windowBytes: number;
  /** bytes of the whole content, as the frame says; undefined when it does not */
  readonly contentBytes: number | undefined;
}

const magicNumber = 0xfd2fb528;
/** of the fields that the descriptor's flags announce, in bytes */
const dictionaryIdBytes = [0, 1, 2, 4] as const;

/** Reads the header of the frame that starts here; undefined when none does. Nothing is decoded. */
export function zstdFrameOf(bytes: Uint8Array): ZstdFrame | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const descriptor = view[4];
  if (descriptor === undefined || view.readUInt32LE(0) !== magicNumber) return undefined;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const hasReservedBit = (descriptor & 0x08) !== 0;
  const sizeAt = 5 + (isSingleSegment ? 0 : 1) + (dictionaryIdBytes[descriptor & 3] ?? 0);
  const sizeBytes = contentSizeBytes(descriptor >> 6, isSingleSegment);
  if (hasReservedBit || view.length < sizeAt + sizeBytes) return undefined;
  const contentBytes = contentSizeIn(view, sizeAt, sizeBytes);
  const windowBytes = isSingleSegment ? contentBytes : windowOf(view[5] ?? 0);
  return windowBytes === undefined ? undefined : { windowBytes, contentBytes };
}

function contentSizeBytes(flag: number, isSingleSegment: boolean): number {
  return flag === 0 ? Number(isSingleSegment) : 2 ** flag;
}

function contentSizeIn(view: Buffer, at: number, bytes: number): number | undefined {
  switch (bytes) {
    case 1:
      return view.readUInt8(at);
    case 2:
      return view.readUInt16LE(at) + 256;
    case 4:
      return view.readUInt32LE(at);
    case 8:
      return Number(view.readBigUInt64LE(at));
    default:
      return undefined;
  }
}

/** A power of two, and eighths of it. */
function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}
