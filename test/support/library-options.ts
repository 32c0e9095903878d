/** What can be said to the library, read from the types of its entry. */
import { join } from "node:path";
import {
  API,
  type Checker,
  SignatureKind,
  type Symbol as TypeSymbol,
  SymbolFlags,
  type Type,
} from "typescript/unstable/sync";

/** The functions and options of an entry. */
export interface LibraryApi {
  /** names of the exported functions */
  readonly functions: readonly string[];
  /**
   * each parameter of a function or constructor, or each member of it where it is an object of plain data: `verifyTag.tag`,
   * `openTrustContext.pinning.certs`. What a `TrustContext` holds is said to `openTrustContext`.
   */
  readonly options: readonly string[];
}

/** Reads `src/index.ts` of the repository at `root`. */
export function libraryApi(root: string): LibraryApi {
  const api = new API({ cwd: root });
  try {
    const project = api.updateSnapshot({ openProjects: [join(root, "tsconfig.json")] }).getProjects()[0];
    const entry = project?.program.getSourceFile(join(root, "src/index.ts"));
    const exported = entry && project?.checker.getSymbolAtLocation(entry);
    if (project === undefined || exported === undefined) throw new Error("the entry of the library has no types");
    const reader = new OptionReader(project.checker, join(root, "src"));
    const symbols = project.checker.getExportsOfModule(exported);
    return {
      functions: symbols.filter((symbol) => reader.isFunction(reader.typeOfExport(symbol))).map(({ name }) => name),
      options: symbols.flatMap((symbol) => reader.optionsOf(symbol)),
    };
  } finally {
    api.close();
  }
}

class OptionReader {
  readonly #checker: Checker;
  readonly #source: string;

  constructor(checker: Checker, source: string) {
    this.#checker = checker;
    this.#source = source;
  }

  typeOfExport(exported: TypeSymbol): Type | undefined {
    const isAlias = (exported.flags & SymbolFlags.Alias) !== 0;
    return this.#checker.getTypeOfSymbol(isAlias ? this.#checker.getAliasedSymbol(exported) : exported);
  }

  isFunction(type: Type | undefined): boolean {
    return type !== undefined && this.#checker.getSignaturesOfType(type, SignatureKind.Call).length > 0;
  }

  optionsOf(exported: TypeSymbol): readonly string[] {
    const type = this.typeOfExport(exported);
    if (type === undefined) return [];
    return [SignatureKind.Call, SignatureKind.Construct]
      .flatMap((kind) => this.#checker.getSignaturesOfType(type, kind))
      .flatMap((signature) => signature.getParameters())
      .flatMap((parameter) => this.#parameter(exported.name, parameter));
  }

  #parameter(name: string, parameter: TypeSymbol): readonly string[] {
    const type = this.#typeOf(parameter);
    if (type === undefined || this.#checker.typeToString(type) === "TrustContext") return [];
    if (parameter.name !== "options") return this.#option(`${name}.${parameter.name}`, type);
    return this.#checker
      .getPropertiesOfType(type)
      .flatMap((member) => this.#option(`${name}.${member.name}`, this.#typeOf(member)));
  }

  /** An object of plain data is as many options as it has members. Anything else, such as a contract with methods, is one. */
  #option(path: string, type: Type | undefined): readonly string[] {
    const members = type === undefined ? [] : this.#members(type);
    const types = members.map((member) => this.#typeOf(member));
    if (members.length === 0 || types.some((member) => this.isFunction(member))) return [path];
    return members.flatMap((member, index) => this.#option(`${path}.${member.name}`, types[index]));
  }

  /** Those of an interface of this repository, or of the elements of an array. */
  #members(type: Type): readonly TypeSymbol[] {
    const element =
      this.#checker.isArrayType(type) && type.isTypeReference() ? this.#checker.getTypeArguments(type)[0] : type;
    const symbol = element?.getSymbol();
    if (element === undefined || symbol === undefined || (symbol.flags & SymbolFlags.Interface) === 0) return [];
    const isOurs = symbol.declarations.some(({ path }) => path.toLowerCase().startsWith(this.#source.toLowerCase()));
    return isOurs ? this.#checker.getPropertiesOfType(element) : [];
  }

  #typeOf(symbol: TypeSymbol): Type | undefined {
    const type = this.#checker.getTypeOfSymbol(symbol);
    return type && this.#checker.getNonNullableType(type);
  }
}
