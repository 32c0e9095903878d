/** An environment: name to value. Nothing but the command line reads the process's own; everything else is handed one. */
export type Environment = Readonly<Record<string, string | undefined>>;
