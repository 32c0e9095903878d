import type { EventEmitter } from "node:events";

/** The state of a connection, also as its driver reports it between two queries. */
export class WatchedConnection {
  isOpen = true;
  isPrimary = true;

  constructor(driver: Pick<EventEmitter, "on">) {
    // Reported while no query is pending: the next user of this connection must not receive the error.
    driver.on("error", () => (this.isOpen = false));
    driver.on("end", () => (this.isOpen = false));
  }
}
