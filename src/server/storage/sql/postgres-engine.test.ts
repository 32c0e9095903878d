import { sharedDatabaseContract } from "../../../../test/contract/shared-database.ts";
import { startPostgres } from "../../../../test/support/database.ts";

sharedDatabaseContract("PostgreSQL", "postgres", startPostgres);
