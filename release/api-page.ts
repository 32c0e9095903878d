/** The reference of the library: the doc comments and declarations of what `src/index.ts` exports. */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { API, type Checker, type Symbol as Exported, SymbolFlags } from "typescript/unstable/sync";

const root = resolve(import.meta.dirname, "..");

/** Programs that the page shows, each a file in `docs/examples`. */
const examples: readonly (readonly [title: string, file: string])[] = [
  ["Verify a tag", "verify.mts"],
  ["Sign a tag", "sign.mts"],
  ["Show who signed what", "inspect.mts"],
];

/** Declarations too long to read, and what explains their contents. */
const explainedElsewhere: ReadonlyMap<string, string> = new Map([
  ["errorCodes", "export declare const errorCodes: readonly [/* the codes in errors.md */];"],
]);

const introduction = `# The library

What the command does, for programs: \`import\` from \`tagseal\` after [\`npm install\`](install.md#npm). It reads no setting of the process by itself: files, environment and passphrases are what you pass
in. Errors have a stable [code](errors.md). This page is made from the doc comments by \`npm run api-page\`.
`;

const headings: readonly (readonly [heading: string, flags: SymbolFlags])[] = [
  ["Functions", SymbolFlags.Function],
  ["Classes", SymbolFlags.Class],
  ["Types and values", SymbolFlags.Interface | SymbolFlags.TypeAlias | SymbolFlags.Variable],
];

/** Writes the page. @param types where `release/types.ts` wrote the declarations */
export function apiPage(types: string): string {
  const found = exportsOf(types);
  const sections = headings.map(([heading, flags]) => {
    const entries = found.filter((entry) => (entry.flags & flags) !== 0).map(entryText);
    return `## ${heading}\n\n${entries.join("\n")}`;
  });
  return `${[introduction, exampleText(), ...sections].join("\n").trimEnd()}\n`;
}

function exampleText(): string {
  const texts = examples.map(([title, file]) => {
    const program = readFileSync(join(root, "docs", "examples", file), "utf8");
    return `### ${title}\n\n\`\`\`ts\n${program}\`\`\`\n`;
  });
  return `## Examples\n\n${texts.join("\n")}`;
}

interface Entry {
  readonly name: string;
  readonly flags: SymbolFlags;
  readonly documentation: string;
  readonly tags: readonly { readonly name: string; readonly text: string }[];
  readonly declarations: readonly string[];
}

function exportsOf(types: string): Entry[] {
  const configuration = join(types, "tsconfig.json");
  writeFileSync(configuration, JSON.stringify({ compilerOptions: { module: "nodenext" }, files: ["index.d.ts"] }));
  const api = new API({ cwd: types });
  try {
    const [project] = api.updateSnapshot({ openProjects: [configuration] }).getProjects();
    const index = project?.program.getSourceFile(join(types, "index.d.ts"));
    const module = index === undefined ? undefined : project?.checker.getSymbolAtLocation(index);
    if (project === undefined || module === undefined) throw new Error(`${types} has no declarations of the library`);
    return project.checker.getExportsOfModule(module).map((symbol) => entryOf(symbol, project.checker));
  } finally {
    api.close();
  }
}

function entryOf(exported: Exported, checker: Checker): Entry {
  const target = (exported.flags & SymbolFlags.Alias) === 0 ? exported : checker.getAliasedSymbol(exported);
  const elsewhere = explainedElsewhere.get(exported.name);
  return {
    name: exported.name,
    flags: target.flags,
    documentation: checker.getDocumentationCommentOfSymbol(target).trim(),
    tags: checker.getJsDocTagsOfSymbol(target).map(({ name, text }) => ({ name, text: text ?? "" })),
    declarations: elsewhere === undefined ? declarationsOf(target) : [elsewhere],
  };
}

/** Without the comment in front, which stands above them in the page, and without what only classes themselves can reach. */
function declarationsOf(symbol: Exported): string[] {
  return symbol.declarations.map((handle) => {
    const node = handle.resolve();
    if (node === undefined) throw new Error(`the declaration of ${symbol.name} cannot be found`);
    const text = node.getSourceFile().text.slice(node.pos, node.end);
    return text.replace(/^(?:\s|\/\*[\s\S]*?\*\/)+/u, "").replace(/^ *(?:#private|private .*);\n/gmu, "");
  });
}

const tagWords: Readonly<Record<string, string>> = { throws: "Throws ", returns: "Returns ", see: "See " };

function entryText({ name, documentation, tags, declarations }: Entry): string {
  const lines = tags.map(({ name: tag, text }) => {
    if (tag !== "param") return `- ${tagWords[tag] ?? `${tag}: `}${text.trim()}`;
    return `- ${text.trim().replace(/^(\S+)/u, "`$1`:")}`;
  });
  const list = lines.length === 0 ? "" : `${lines.join("\n")}\n\n`;
  return `### ${name}\n\n${documentation}\n\n${list}\`\`\`ts\n${declarations.join("\n")}\n\`\`\`\n`;
}
