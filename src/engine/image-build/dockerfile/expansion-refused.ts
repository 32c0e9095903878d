/** Why a word cannot be expanded; completes "… is not understood: ". */
export class ExpansionRefused extends Error {
  /** an engine that reads words this way also refuses it */
  readonly byEngine: boolean;

  constructor(message: string, { byEngine = false }: { readonly byEngine?: boolean } = {}) {
    super(message);
    this.byEngine = byEngine;
  }
}
