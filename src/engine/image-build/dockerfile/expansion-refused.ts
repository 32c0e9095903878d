/** Why a word cannot be expanded; completes "… is not understood: ". */
export class ExpansionRefused extends Error {
  /** the engine that reads words this way refuses it, too */
  readonly byEngine: boolean;

  constructor(message: string, { byEngine = false }: { readonly byEngine?: boolean } = {}) {
    super(message);
    this.byEngine = byEngine;
  }
}
