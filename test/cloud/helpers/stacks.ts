import { stackNameOf } from '../../../core/cloud-names.ts';
import { askQuery } from './raw-api.ts';

const STACKS = ['Foundation', 'Storage', 'Ingest'] as const;

/** Every resource of a fleet's stacks: stack and logical id, with its type and the id that AWS gave it. */
export async function deployedResources(
  endpoint: string,
  fleet: string,
): Promise<Map<string, [type: string, id: string]>> {
  const found = new Map<string, [type: string, id: string]>();
  for (const stack of STACKS) {
    const xml = await askQuery(endpoint, { Action: 'ListStackResources', StackName: stackNameOf(fleet, stack) });
    for (const [, member = ''] of xml.matchAll(/<member>(.*?)<\/member>/gs)) {
      const of = (tag: string): string => new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(member)?.[1] ?? '';
      found.set(`${stack}/${of('LogicalResourceId')}`, [of('ResourceType'), of('PhysicalResourceId')]);
    }
  }
  return found;
}

/** What all stacks of a fleet give back, by output name. */
export async function outputsOf(endpoint: string, fleet: string): Promise<Record<string, string | undefined>> {
  const texts = await Promise.all(
    STACKS.map((stack) => askQuery(endpoint, { Action: 'DescribeStacks', StackName: stackNameOf(fleet, stack) })),
  );
  const found = texts.flatMap((xml) => [
    ...xml.matchAll(/<OutputKey>(.*?)<\/OutputKey>\s*<OutputValue>(.*?)<\/OutputValue>/g),
  ]);
  return Object.fromEntries(found.map(([, key, value]) => [key, value]));
}

/** Stacks that there are, of all fleets. */
export async function stackNames(endpoint: string): Promise<string[]> {
  const xml = await askQuery(endpoint, { Action: 'DescribeStacks' });
  return [...xml.matchAll(/<StackName>(.*?)<\/StackName>/g)].map(([, name]) => name!);
}
