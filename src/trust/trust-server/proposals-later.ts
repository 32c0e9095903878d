import type { ProposalPlace } from "../ports.ts";
import type { ProposalClient, ProposalRequest } from "./proposal-client.ts";

/** The proposals of one collection on a server, whose code is loaded when they are asked for: few commands do. */
export function proposalsLater(
  send: ProposalRequest,
  of: { readonly gun: string; readonly server: string },
): ProposalPlace {
  const client = async (): Promise<ProposalClient> => {
    const { ProposalClient: Client } = await import("./proposal-client.ts");
    return new Client(send, of);
  };
  return {
    list: async () => await (await client()).list(),
    find: async (id) => await (await client()).find(id),
    submit: async (proposal) => await (await client()).submit(proposal),
    withdraw: async (id) => await (await client()).withdraw(id),
  };
}
