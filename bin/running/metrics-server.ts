import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { prometheusText } from '../../adapters/metrics/prometheus-text.ts';
import type { MetricFamily } from '../../core/ledger-metrics.ts';
import { refusalOf } from '../../hub/http-guard.ts';

const LISTEN_ON = '127.0.0.1';

/**
 * `GET /metrics` of one node, for programs of this machine.
 *
 * @param port 0 = any free one
 * @throws if it is taken (`EADDRINUSE`)
 */
export async function startMetricsServer(
  port: number,
  read: () => Promise<readonly MetricFamily[]>,
): Promise<{ url: string; close: () => Promise<void> }> {
  let listening = port;
  const answer = async (host: string | undefined, origin: string | undefined, target: string) => {
    if (refusalOf(host, origin, listening) !== undefined) return { code: 403, contentType: 'text/plain', body: '' };
    if (target !== 'GET /metrics') return { code: 404, contentType: 'text/plain', body: 'GET /metrics\n' };
    return { code: 200, ...(await prometheusText(await read())) };
  };
  const server = createServer((request, response) => {
    const { host, origin } = request.headers;
    request.resume();
    answer(host, origin, `${request.method} ${request.url}`).then(
      ({ code, contentType, body }) => response.writeHead(code, { 'content-type': contentType }).end(body),
      (error: Error) => response.writeHead(503, { 'content-type': 'text/plain' }).end(`${error.message}\n`),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LISTEN_ON, () => {
      server.off('error', reject);
      resolve();
    });
  });
  listening = (server.address() as AddressInfo).port;
  return {
    url: `http://${LISTEN_ON}:${listening}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
