import type { MiddlewareHandler } from 'hono';

/** The page loads nothing but its own three files, and runs no script or style written into a page. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const SECURITY_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

/** On every answer, errors too. */
export const securityHeaders: MiddlewareHandler = async (context, next) => {
  await next();
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) context.res.headers.set(name, value);
};

const LOCAL_NAMES = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * Why a request is not for us; undefined = it is. The socket listens on localhost, but a web page in a browser of this
 * machine can reach it too: under its own name (DNS rebinding: the Host tells) or from elsewhere (the Origin tells).
 *
 * @param port that we listen on
 * @param site Sec-Fetch-Site: browsers send no Origin with a GET of an image or a script, but this they do
 */
export function refusalOf(
  host: string | undefined,
  origin: string | undefined,
  port: number,
  site?: string,
): 'host-not-allowed' | 'origin-not-allowed' | 'site-not-allowed' | undefined {
  const hosts = LOCAL_NAMES.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
  if (host === undefined || !hosts.includes(host.toLowerCase())) return 'host-not-allowed';
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) return 'origin-not-allowed';
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'site-not-allowed';
  return undefined;
}
