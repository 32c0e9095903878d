/** The trace channel of all HTTP clients of this process: one message for each request that was answered or failed. */
import { channel, type Channel } from "node:diagnostics_channel";

/** One request on the wire, without headers, body, query and user name: these may be secrets. */
export interface HttpExchange {
  readonly method: string;
  /** scheme, host and path */
  readonly url: string;
  /** until the headers of the answer, in milliseconds */
  readonly ms: number;
  /** of the answer */
  readonly status?: number | undefined;
  /** why there was no answer: the system's code, such as `ECONNREFUSED` */
  readonly failure?: string;
}

/** Where {@link HttpExchange}s are published. Costs nothing without a subscriber. */
export const httpExchanges: Channel = channel("tagseal:http-exchange");
