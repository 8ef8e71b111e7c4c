import { readAddress } from './hub-address.ts';

/** Options of every command that asks a running hub. */
export interface HubClientOptions {
  hub?: string;
  data: string;
}

/** The hub's address: as given, else as noted by the hub of the data directory. */
function hubUrl({ hub, data }: HubClientOptions): string {
  const url = hub ?? readAddress(data)?.url;
  if (url === undefined) throw new Error(`no hub was ever started on ${data}: start one, or name one with --hub URL`);
  return url;
}

/** Asks the hub; an answer that is no success becomes an error with the hub's words. */
export async function askHub<T>(options: HubClientOptions, path: string, body?: object): Promise<T> {
  const base = hubUrl(options);
  if (!URL.canParse(base)) throw new Error(`--hub ${base}: expected an address such as http://127.0.0.1:8080`);
  const url = new URL(path, base);
  const response = await fetch(
    url,
    body ? { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {},
  ).catch((error: Error) => {
    throw new Error(
      `no hub answers at ${url.origin}: is it running? (${(error.cause as Error | undefined)?.message ?? error.message})`,
    );
  });
  const text = await response.text();
  if (!response.ok) throw new Error(errorIn(text) ?? `the hub answered ${response.status}`);
  return JSON.parse(text) as T;
}

function errorIn(text: string): string | undefined {
  try {
    const { error, detail } = JSON.parse(text) as { error?: string; detail?: string };
    return [error, detail].filter((part) => part !== undefined).join(': ') || undefined;
  } catch {
    return undefined;
  }
}
