/** Decides about many images by policies: trust data of a repository is read once for all of its images. */
import { needTrustData, readingKey, type Requirements } from "../../policy/requirements.ts";
import { inParallel } from "../../timing/in-parallel.ts";
import type { TrustContext } from "../trust-context.ts";
import { decideFrom, type DecidedImage, readingOrReason } from "./decide-image.ts";

/** How several images are decided. */
export interface DecideImages<Image> {
  /** opens the collection of `requirements.identity` under these requirements; it is closed here */
  readonly open: (requirements: Requirements) => Promise<TrustContext>;
  /** repositories that are read at once */
  readonly parallel: number;
  /** called as soon as an image is decided; those of one repository follow each other */
  readonly onDecided: (image: Image, decided: DecidedImage) => Promise<void>;
}

/**
 * Decides about many images. A repository is read once, and its reading is dropped before a worker reads the next one, so that memory does not
 * grow with the number of repositories.
 *
 * @throws TagsealError `CANCELLED`; what `onDecided` throws; everything else that fails is a reason to refuse, and in the verdict
 */
export async function decideImages<Image extends { readonly requirements: Requirements }>(
  images: readonly Image[],
  { open, parallel, onDecided }: DecideImages<Image>,
): Promise<void> {
  const groups = Map.groupBy(images, ({ requirements }) => readingKey(requirements));
  await inParallel([...groups.values()], parallel, async (group) => {
    const asking = group.map(({ requirements }) => requirements).filter(needTrustData);
    const [first] = asking;
    const reading = first === undefined ? undefined : await readingOrReason(asking, () => open(first));
    for (const image of group) {
      const { requirements } = image;
      await onDecided(image, decideFrom(requirements, needTrustData(requirements) ? reading : undefined));
    }
  });
}
