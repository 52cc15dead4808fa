/** What can go wrong between this page and its node, as data that a page can explain. */

export class Fault extends Error {
  constructor(
    /** The node's stable word, or `unreachable`, `broken_stream`, `http`. */
    readonly code: string,
    message: string,
    readonly status: number | null = null,
    readonly retryAfterS: number | null = null,
  ) {
    super(message);
  }
}

/** Reads the node's error body; a reply that is not one becomes `http` with its status. */
export async function faultOf(reply: Response): Promise<Fault> {
  const after = Number(reply.headers.get('retry-after'));
  const retry = Number.isFinite(after) && after > 0 ? after : null;
  const body: unknown = await reply.json().catch(() => null);
  return fromBody(body, reply.status, retry);
}

/** The same for an error that arrives inside a stream. */
export function fromBody(body: unknown, status: number | null, retry: number | null = null): Fault {
  const error = isObject(body) && isObject(body.error) ? body.error : {};
  const code = typeof error.code === 'string' && error.code ? error.code : 'http';
  const message = typeof error.message === 'string' ? error.message : '';
  return new Fault(code, message, status, retry);
}

export function asFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  return new Fault('unreachable', thrown instanceof Error ? thrown.message : '');
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
