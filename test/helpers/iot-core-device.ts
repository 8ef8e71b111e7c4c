import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { uplinkText } from '../../adapters/embedded/uplink-file.ts';
import type { HubRig } from './hub-rig.ts';

/** A new folder as "provision device" leaves it on a node whose uplink is IoT Core, with the rig's certificates. */
export async function writeIotCoreDevice(
  rig: Pick<HubRig, 'directory'>,
  { node, fleet, port }: { node: string; fleet: string; port: number },
  folder: string,
): Promise<void> {
  await mkdir(folder);
  const from = join(rig.directory, 'credentials', node);
  for (const name of ['ca.crt', 'node.crt', 'node.key']) await copyFile(join(from, name), join(folder, name));
  await writeFile(join(folder, 'uplink.json'), uplinkText({ type: 'iot-core', endpoint: '127.0.0.1', port, fleet }));
}
