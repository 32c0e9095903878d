/** One line of docker's report while it pushes or pulls. Texts come from the engine: escape them before you print them. */
export interface EngineMessage {
  /** the subject of the line, usually a layer */
  readonly id: string | undefined;
  readonly status: string;
  /** present, perhaps without numbers, when the line will be replaced by the next one of the same `id` */
  readonly progress: EngineProgress | undefined;
  /** plain text, printed as it is */
  readonly stream: string | undefined;
}

/** The progress of a layer. */
export interface EngineProgress {
  readonly current: number;
  /** 0 when unknown */
  readonly total: number;
  /** instead of bytes */
  readonly units: string | undefined;
  readonly hideCounts: boolean;
}
