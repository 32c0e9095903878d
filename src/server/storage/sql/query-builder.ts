import type { DatabaseIntrospector, Dialect, DialectAdapter, QueryCompiler } from "kysely";
import { loadPackage } from "./optional-package.ts";
import type { Queries } from "./sql-engine.ts";

type Package = typeof import("kysely");

/** What differs between kinds of servers. */
export interface QueryDialect {
  readonly adapter: new () => DialectAdapter;
  readonly introspector: new (...given: Parameters<Dialect["createIntrospector"]>) => DatabaseIntrospector;
  readonly compiler: new () => QueryCompiler;
}

/**
 * Kysely for one kind of server. It writes statements; the connections of an engine run them.
 *
 * @param dialectOf picks the parts from the package, which is loaded here
 * @throws TagsealError `SERVER_CONFIGURATION` when it is not installed
 */
export async function queryBuilder(dialectOf: (kysely: Package) => QueryDialect): Promise<Queries> {
  const kysely = await loadPackage("kysely", () => import("kysely"));
  const { adapter: Adapter, introspector: Introspector, compiler: Compiler } = dialectOf(kysely);
  return new kysely.Kysely({
    dialect: {
      createAdapter: () => new Adapter(),
      createDriver: () => new kysely.DummyDriver(),
      createIntrospector: (database) => new Introspector(database),
      createQueryCompiler: () => new Compiler(),
    },
  });
}
