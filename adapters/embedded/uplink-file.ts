import { join } from 'node:path';
import * as z from 'zod';
import { readIfThere } from './key-pair.ts';

/** Lies beside a node's credentials and says where they are good for. */
export const UPLINK_FILE = 'uplink.json';

const uplinkNote = z.strictObject({
  type: z.literal('iot-core'),
  endpoint: z.string().min(1).max(253),
  port: z.int().min(1).max(65_535),
  fleet: z.string().min(1),
});
export type UplinkNote = z.output<typeof uplinkNote>;

export const uplinkText = (note: UplinkNote): string => `${JSON.stringify(note, null, 2)}\n`;

/** undefined if the folder has none. */
export async function readUplinkNote(
  directory: string,
): Promise<{ ok: true; note: UplinkNote | undefined } | { ok: false; detail: string }> {
  const path = join(directory, UPLINK_FILE);
  try {
    const text = await readIfThere(path);
    return { ok: true, note: text === undefined ? undefined : uplinkNote.parse(JSON.parse(text)) };
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error).replaceAll(/\s+/g, ' ') : (error as Error).message;
    return { ok: false, detail: `${path} cannot be used (${why}): provision the node again, it writes the file` };
  }
}
