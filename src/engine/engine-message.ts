/** One line of what docker reports while it pushes or pulls. Texts come from the engine: show them with care. */
export interface EngineMessage {
  /** what the line is about, usually a layer */
  readonly id: string | undefined;
  readonly status: string;
  /** present, perhaps without numbers, when the line will be replaced by the next one of the same `id` */
  readonly progress: EngineProgress | undefined;
  /** plain text, printed as it is */
  readonly stream: string | undefined;
}

/** How far a layer is. */
export interface EngineProgress {
  readonly current: number;
  /** 0 when unknown */
  readonly total: number;
  /** instead of bytes */
  readonly units: string | undefined;
  readonly hideCounts: boolean;
}
