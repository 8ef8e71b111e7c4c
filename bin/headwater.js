#!/usr/bin/env node
import { existsSync } from 'node:fs';

const bundle = new URL('../dist/headwater.js', import.meta.url);
if (!existsSync(bundle)) {
  console.error('headwater: dist/headwater.js is missing (npm ci --ignore-scripts?): run "npm run build" first');
  process.exit(1);
}
await import(bundle.href);
