import { tsImport } from 'tsx/esm/api';

// Jest loads this file as it is, without its transform.
export default async function globalSetUp() {
  const { setUp } = await tsImport('./set-up.ts', import.meta.url);
  globalThis.headwaterCloud = await setUp();
}
