import type { Aedes, Client } from 'aedes';
import { listenTls, type TlsListener } from './tls-listener.ts';

type ListenPorts = Parameters<typeof listenTls>[0];
type ListenConfig = Parameters<typeof listenTls>[1];

/**
 * Opens the port of a broker, which then serves what `onConnection` hands it. A port that cannot be had leaves no broker
 * behind.
 *
 * @param ports.onTrouble hears of each connection that ended by an error, before or after its CONNACK
 */
export async function openBrokerPort(
  aedes: Aedes,
  { onTrouble, ...ports }: ListenPorts & { onTrouble: (client: Client, error: NodeJS.ErrnoException) => void },
  config: ListenConfig,
): Promise<TlsListener> {
  aedes.on('clientError', onTrouble);
  aedes.on('connectionError', onTrouble);
  try {
    return await listenTls(ports, config);
  } catch (error) {
    aedes.close();
    throw error;
  }
}
