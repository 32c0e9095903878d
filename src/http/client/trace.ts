/** What every HTTP client of this process tells those who want to watch it: one message for each request that was answered or failed. */
import { channel, type Channel } from "node:diagnostics_channel";

/** One request on the wire. It holds no header, body, query or user name: these may be secrets. */
export interface HttpExchange {
  readonly method: string;
  /** scheme, host and path */
  readonly url: string;
  /** until the headers of the answer, in milliseconds */
  readonly ms: number;
  /** of the answer */
  readonly status?: number | undefined;
  /** why there was none: the system's code, such as `ECONNREFUSED` */
  readonly failure?: string;
}

/** Where {@link HttpExchange}s are published. Nothing is made for it while nobody listens. */
export const httpExchanges: Channel = channel("tagseal:http-exchange");
