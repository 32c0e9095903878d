/** The lines of the changefeed, which mirrors read to follow a server. */

/** One line of the changefeed: a new timestamp, or the deletion of a collection. */
export interface Change {
  /** rises with every change; positions are never used twice */
  readonly id: number;
  readonly createdAt: Date;
  readonly gun: string;
  /** of the timestamp; 0 for a deletion */
  readonly version: number;
  /** of the timestamp; empty for a deletion */
  readonly sha256: string;
  readonly category: "update" | "deletion";
}

/** Which part of the changefeed to read. */
export interface ChangeQuery {
  /** only this collection's changes; every collection's when absent */
  readonly gun?: string | undefined;
  /** exclusive: changes after this one, or before it when reading backwards */
  readonly from: number;
  /** how many at most, those nearest to `from` */
  readonly limit: number;
  /** read towards older changes; with `from` 0, from the newest one on */
  readonly backwards: boolean;
}
