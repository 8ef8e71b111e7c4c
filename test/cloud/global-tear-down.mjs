import { copyFile, mkdir } from 'node:fs/promises';
import { tsImport } from 'tsx/esm/api';

/** Where the emulator's log of the last run stays. */
const LAST_LOG = '.headwater/cloud-emulator.log';

export default async function globalTearDown() {
  const { cloud, stop } = globalThis.headwaterCloud;
  const { refuseUnimplemented } = await tsImport('./emulator/log.ts', import.meta.url);
  try {
    await mkdir('.headwater', { recursive: true });
    await copyFile(cloud.log, LAST_LOG);
    await refuseUnimplemented(LAST_LOG);
  } finally {
    await stop();
  }
}
