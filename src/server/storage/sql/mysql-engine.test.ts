import { sharedDatabaseContract } from "../../../../test/contract/shared-database.ts";
import { startMariadb } from "../../../../test/support/database.ts";

sharedDatabaseContract("MariaDB", "mariadb", startMariadb);
