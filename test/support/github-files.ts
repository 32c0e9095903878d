/** GitHub's own readers of actions, workflows and expressions, which the packages of `deploy/` bring. */
import { resolve } from "node:path";
import { build } from "esbuild";

const deploy = resolve(import.meta.dirname, "../../deploy");

type Parse = (
  file: { readonly name: string; readonly content: string },
  trace: object,
) => { readonly context: { readonly errors: { getErrors(): readonly { readonly message: string }[] } } };

/** What is used of the packages. */
interface Packages {
  readonly parseAction: Parse;
  readonly parseWorkflow: Parse;
  readonly NoOperationTraceWriter: new () => object;
  readonly Lexer: new (text: string) => { lex(): { readonly tokens: unknown } };
  readonly Parser: new (
    tokens: unknown,
    contexts: readonly string[],
    functions: readonly unknown[],
  ) => { parse(): unknown };
  readonly Evaluator: new (parsed: unknown, contexts: unknown) => { evaluate(): { coerceString(): string } };
  readonly data: { readonly reviver: (this: unknown, key: string, value: unknown) => unknown };
}

/** What expressions may name: `inputs`, `steps`, `secrets` and so on. */
export type Contexts = Readonly<Record<string, unknown>>;

/** The readers. */
export class GithubFiles {
  readonly #packages: Packages;

  private constructor(packages: Packages) {
    this.#packages = packages;
  }

  /** Loads the packages, whose files import JSON in a way that only bundlers understand. */
  static async load(): Promise<GithubFiles> {
    const contents = `export { parseAction } from "@actions/workflow-parser/actions/action-parser";
export { parseWorkflow, NoOperationTraceWriter } from "@actions/workflow-parser";
export { Lexer, Parser, Evaluator, data } from "@actions/expressions";`;
    const bundled = await build({
      stdin: { contents, resolveDir: deploy },
      ...({ bundle: true, write: false, format: "esm", platform: "node", logLevel: "silent" } as const),
      banner: { js: `const require = process.getBuiltinModule("module").createRequire(${JSON.stringify(deploy)});` },
    });
    const code = Buffer.from(bundled.outputFiles[0]?.contents ?? []).toString("base64");
    return new GithubFiles((await import(`data:text/javascript;base64,${code}`)) as Packages);
  }

  /** What GitHub refuses of an action's or a workflow's file, a sentence for each fault. */
  faults(kind: "action" | "workflow", content: string): string[] {
    const { parseAction, parseWorkflow, NoOperationTraceWriter } = this.#packages;
    const parse = kind === "action" ? parseAction : parseWorkflow;
    const { context } = parse({ name: `${kind}.yml`, content }, new NoOperationTraceWriter());
    return context.errors.getErrors().map(({ message }) => message);
  }

  /** The value of an expression, as text. @throws for an expression that GitHub would refuse */
  evaluate(expression: string, contexts: Contexts): string {
    const { Lexer, Parser, Evaluator, data } = this.#packages;
    const { tokens } = new Lexer(expression).lex();
    const parsed = new Parser(tokens, Object.keys(contexts), []).parse();
    const values: unknown = JSON.parse(JSON.stringify(contexts), data.reviver);
    return new Evaluator(parsed, values).evaluate().coerceString();
  }

  /** A text with the values of its `${{ … }}`. */
  interpolate(text: string, contexts: Contexts): string {
    return text.replaceAll(/\$\{\{(.*?)\}\}/gsu, (_whole, expression: string) =>
      this.evaluate(expression.trim(), contexts),
    );
  }

  /** The same for each value of a map, be it a text or not. */
  interpolateAll(values: Readonly<Record<string, unknown>> | undefined, contexts: Contexts): Record<string, string> {
    const entries = Object.entries(values ?? {});
    return Object.fromEntries(entries.map(([name, value]) => [name, this.interpolate(String(value), contexts)]));
  }
}
