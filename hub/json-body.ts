import type { Context } from 'hono';

export type JsonBody = { ok: true; value: unknown } | { ok: false; response: Response };

/** The body of a POST; the response says what is wrong with it. */
export async function jsonBody(context: Context): Promise<JsonBody> {
  // Only a script of our own origin can send this type without asking first.
  const type = context.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    const detail = 'allowed application/json';
    return { ok: false, response: context.json({ error: 'unsupported-media-type', detail }, 415) };
  }
  try {
    return { ok: true, value: JSON.parse(await context.req.text()) };
  } catch {
    return { ok: false, response: context.json({ error: 'invalid-body', detail: 'expected JSON' }, 400) };
  }
}
