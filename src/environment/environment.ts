/** An environment: name to value. Only the command line reads that of the process; all other code gets one as an argument. */
export type Environment = Readonly<Record<string, string | undefined>>;
