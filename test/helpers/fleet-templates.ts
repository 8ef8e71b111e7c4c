import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { App } from 'aws-cdk-lib';
import { loadFleet } from '../../adapters/fleet-file.ts';
import type { Fleet } from '../../core/fleet.ts';
import { createFleetStacks } from '../../lib/fleet-stacks.ts';

const FLEETS = resolve(import.meta.dirname, '../../fleets');
const CDK_JSON = resolve(import.meta.dirname, '../../cdk.json');

export type StackName = 'Foundation' | 'Storage' | 'Ingest';
/** JSON as CloudFormation reads it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface Resource {
  readonly Type: string;
  readonly Properties?: JsonObject;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly Metadata?: { readonly 'aws:cdk:path'?: string };
}
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: Json; readonly Export?: { readonly Name: string } }>>;
  readonly Parameters?: JsonObject;
}

export interface Synthesised {
  fleet: Fleet;
  templates: Record<StackName, Template>;
  /** As they lie in the assembly. */
  texts: Record<StackName, string>;
  ms: number;
}

/** A resource with where it stands. */
export interface Placed {
  stack: StackName;
  id: string;
  /** The construct's path without the stack's own name: `Ingest/Bulk/Messages/Queue`. */
  path: string;
  resource: Resource;
}

/** A fleet file that ships, by its name. */
export async function fleetFile(name: string): Promise<Fleet> {
  const loaded = await loadFleet(join(FLEETS, `${name}.yaml`));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.fleet;
}

// The CDK's own checks cost five times the synth: test/faults/validated-synth.test.ts makes them once for all fleets.
process.env.CDK_VALIDATION = 'false';

/** The templates of a fleet. Functions are stand-ins: what is in a bundle is no matter of the template. */
export function synthesise(fleet: Fleet, prepare: (app: App) => void = () => {}): Synthesised {
  const directory = mkdtempSync(join(tmpdir(), 'headwater-synth-'));
  try {
    const started = performance.now();
    const app = new App({ context: contextOfTheCli(), outdir: join(directory, 'out'), analyticsReporting: false });
    const stacks = createFleetStacks(app, fleet, standIns(join(directory, 'lambdas')));
    prepare(app);
    app.synth();
    const ms = performance.now() - started;
    const textOf = ({ templateFile }: { templateFile: string }): string =>
      readFileSync(join(directory, 'out', templateFile), 'utf8');
    const texts = {
      Foundation: textOf(stacks.foundation),
      Storage: textOf(stacks.storage),
      Ingest: textOf(stacks.ingest),
    };
    const templates = {
      Foundation: JSON.parse(texts.Foundation) as Template,
      Storage: JSON.parse(texts.Storage) as Template,
      Ingest: JSON.parse(texts.Ingest) as Template,
    };
    return { fleet, templates, texts, ms };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** All resources, of one type if it is given. */
export const resourcesOf = ({ templates }: Synthesised, type?: string): Placed[] =>
  (Object.entries(templates) as [StackName, Template][]).flatMap(([stack, { Resources }]) =>
    Object.entries(Resources)
      .filter(([, resource]) => type === undefined || resource.Type === type)
      .map(([id, resource]) => ({ stack, id, resource, path: pathOf(stack, id, resource) })),
  );

const pathOf = (stack: StackName, id: string, { Metadata }: Resource): string =>
  `${stack}/${(Metadata?.['aws:cdk:path'] ?? `x/${id}`).split('/').slice(1).join('/')}`.replace(/\/Resource$/, '');

/** What the CDK command line adds to cdk.json, as far as templates show it. */
const contextOfTheCli = (): Record<string, unknown> => ({
  ...(JSON.parse(readFileSync(CDK_JSON, 'utf8')) as { context: Record<string, unknown> }).context,
  'aws:cdk:enable-path-metadata': true,
});

function standIns(folder: string): string {
  for (const name of ['ingest', 'aggregate', 'sweep', 'compare']) {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, 'index.mjs'), 'export const handler = () => {};\n');
  }
  return folder;
}
