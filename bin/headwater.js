#!/usr/bin/env node
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bundle = new URL('../dist/headwater.js', import.meta.url);
if (!existsSync(bundle)) {
  console.error('headwater: dist/headwater.js is missing (npm ci --ignore-scripts?): run "npm run build" first');
  process.exit(1);
}
const changed = sourceNewerThan(statSync(bundle).mtimeMs);
if (changed) console.error(`headwater: dist/ was built before ${changed} changed: run "npm run build"`);
await import(bundle.href);

/** In a clone, after `git pull`: what runs would be the code of before. An installed package has no sources. */
function sourceNewerThan(builtMs) {
  const folders = ['adapters', 'bin', 'core', 'edge', 'greengrass-components', 'hub', 'journal', 'lambdas', 'lib'];
  for (const folder of folders) {
    if (!existsSync(`${root}${folder}`)) continue;
    for (const name of readdirSync(`${root}${folder}`, { recursive: true })) {
      if (name.endsWith('.ts') && statSync(`${root}${folder}/${name}`).mtimeMs > builtMs) return `${folder}/${name}`;
    }
  }
  return undefined;
}
