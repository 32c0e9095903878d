/** Reads the facts of a Dockerfile: its stages, the arguments before them, and every place that names an image. */
import type { Dialect } from "./dialect.ts";
import type { DockerfileFacts } from "./dockerfile-facts.ts";
import { FactsCollector } from "./facts-collector.ts";
import { heredocsOf } from "./heredocs.ts";
import { instructionOf } from "./instruction.ts";
import { LogicalLineReader } from "./logical-lines.ts";
import { LineRefused } from "./refusal.ts";

/**
 * Reads a Dockerfile in one dialect.
 *
 * @throws LineRefused for everything that is not understood
 */
export function readFacts(source: string, dialect: Dialect): DockerfileFacts {
  const collector = new FactsCollector(source, dialect);
  const reader = new LogicalLineReader(source, dialect);
  let refusal: LineRefused | undefined;
  for (let line = reader.next(); line !== undefined; line = reader.next()) {
    try {
      const instruction = instructionOf(line);
      collector.take(instruction);
      for (const heredoc of heredocsOf(line, instruction, dialect)) reader.skipHeredoc(heredoc, line.line);
    } catch (error) {
      if (!(error instanceof LineRefused)) throw error;
      // a later line may decide whether an engine with this dialect reads the file at all
      refusal ??= error;
      if (error.refusedByEngine) throw refusal.byEngineToo();
    }
  }
  if (refusal !== undefined) throw refusal;
  return collector.facts();
}

/**
 * Reads instructions that are in no file: the triggers of a base image.
 *
 * @throws LineRefused
 */
export function readTriggerFacts(text: string, dialect: Dialect): DockerfileFacts {
  const collector = new FactsCollector(text, dialect, ["the stage running it"]);
  const reader = new LogicalLineReader(text, dialect);
  let count = 0;
  for (let line = reader.next(); line !== undefined; line = reader.next()) {
    const instruction = instructionOf(line);
    const { keyword } = instruction;
    if (keyword === "from" || keyword === "onbuild")
      throw new LineRefused(1, `${keyword.toUpperCase()} is not allowed there`);
    collector.take(instruction, true);
    for (const heredoc of heredocsOf(line, instruction, dialect)) reader.skipHeredoc(heredoc, line.line);
    count += 1;
  }
  if (count === 0) throw new LineRefused(1, "there is no instruction", { refusedByEngine: true });
  if (count > 1 && dialect.engine === "docker")
    throw new LineRefused(1, "it has more than one line", { refusedByEngine: true });
  return collector.facts();
}
