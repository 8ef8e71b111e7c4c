import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** How a running hub can be reached, noted in its data directory for `query` and `ledger`. */
export interface HubAddress {
  /** HTTP. */
  url: string;
  mqttPort: number;
}

const addressFile = (data: string): string => join(data, 'hub', 'address.json');

export function noteAddress(data: string, { url, mqttPort }: HubAddress): void {
  mkdirSync(dirname(addressFile(data)), { recursive: true, mode: 0o700 });
  writeFileSync(addressFile(data), `${JSON.stringify({ url, mqttPort })}\n`, { mode: 0o600 });
}

/** Undefined if no hub was ever started on the directory. */
export function readAddress(data: string): HubAddress | undefined {
  try {
    return JSON.parse(readFileSync(addressFile(data), 'utf8')) as HubAddress;
  } catch {
    return undefined;
  }
}
