import { describe, expect, test } from '@jest/globals';
import { cloudProblems, MAX_NODES_BYTES, MAX_SITES, nodesVariable } from '../../core/cloud-limits.ts';
import {
  basicIngestTopic,
  fleetGroupNameOf,
  nodePolicyNameOf,
  ruleNameOf,
  siteGroupNameOf,
} from '../../core/cloud-names.ts';
import type { Fleet } from '../../core/fleet.ts';
import { checkFleet } from '../../core/fleet-check.ts';
import { topicOf } from '../../core/flow.ts';
import { fleetFile, type JsonObject, resourcesOf, synthesise, type Template } from '../helpers/fleet-templates.ts';

const NAMES = ['small-factory', 'smart-building', 'oil-platform', 'smart-city'];
const fleets = await Promise.all(NAMES.map(fleetFile));
const synthesised = fleets.map((fleet) => synthesise(fleet));
const rows = synthesised.map((one, at): [string, (typeof synthesised)[number]] => [NAMES[at]!, one]);

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html */
const LIMITS = { bytes: 1024 ** 2, resources: 500, outputs: 200, parameters: 200 };

describe('CloudFormation', () => {
  test.each(rows)('%s stays far under every limit', (name, { templates, texts, ms }) => {
    const sizes = Object.entries(templates).map(([stack, template]: [string, Template]) => ({
      stack,
      bytes: Buffer.byteLength(texts[stack as keyof typeof texts]),
      resources: Object.keys(template.Resources).length,
      outputs: Object.keys(template.Outputs ?? {}).length,
      parameters: Object.keys(template.Parameters ?? {}).length,
    }));
    process.stdout.write(`${name}: ${Math.round(ms)} ms; ${sizes.map((size) => JSON.stringify(size)).join(' ')}\n`);
    for (const size of sizes) {
      for (const [what, limit] of Object.entries(LIMITS) as [keyof typeof LIMITS, number][]) {
        expect([name, size.stack, what, size[what] < limit / 2]).toEqual([name, size.stack, what, true]);
      }
    }
  });

  test('a node is no resource: a fleet of 500 nodes has those of one of 5, but for its sites', () => {
    const countOf = (at: number) => resourcesOf(synthesised[at]!).length - Object.keys(fleets[at]!.sites).length;
    expect(countOf(3)).toBe(countOf(0));
    const groups = resourcesOf(synthesised[3]!, 'AWS::IoT::ThingGroup').map(({ resource }) => resource.Properties);
    expect(groups.map((group) => [group?.ThingGroupName, group?.ParentGroupName])).toEqual([
      ['headwater:smart-city', undefined],
      ['headwater:smart-city:north', 'headwater:smart-city'],
      ['headwater:smart-city:south', 'headwater:smart-city'],
      ['headwater:smart-city:harbour', 'headwater:smart-city'],
    ]);
  });
});

test('two synths are the same, byte for byte', () => {
  expect(synthesise(fleets[3]!).texts).toEqual(synthesised[3]!.texts);
});

test('a changed fleet file changes the templates', () => {
  expect(synthesise({ ...fleets[3]!, seed: 1, cloud: { ...fleets[3]!.cloud, logDays: 7 } }).texts.Ingest).not.toBe(
    synthesised[3]!.texts.Ingest,
  );
});

test('no template names an account or a region', () => {
  for (const { texts } of synthesised) {
    expect(
      Object.values(texts)
        .join('')
        .match(/\b\d{12}\b|\b(eu|us|ap)-[a-z]+-\d\b/g),
    ).toBeNull();
  }
});

test('every resource that can be tagged says which fleet and stack it costs for', () => {
  const tagsOf = (type: string) =>
    resourcesOf(synthesised[0]!, type).map(({ path, resource: { Properties = {} } }) => {
      const { Tags = [], TagList } = Properties as { Tags?: JsonObject[]; TagList?: JsonObject[] };
      return [path, ...(TagList ?? Tags).map(({ Key, Value }) => `${Key}=${Value}`).sort()];
    });
  for (const type of [
    'AWS::S3::Bucket',
    'AWS::DynamoDB::Table',
    'AWS::SQS::Queue',
    'AWS::Lambda::Function',
    'AWS::KMS::Key',
    'AWS::Athena::WorkGroup',
    'AWS::Logs::LogGroup',
    'AWS::SNS::Topic',
  ]) {
    for (const [path, ...tags] of tagsOf(type)) {
      const stack = path!.split('/')[0]!.toLowerCase();
      expect([path, tags]).toEqual([path, ['headwater:fleet=small-factory', `headwater:stack=${stack}`]]);
    }
  }
});

describe('names', () => {
  const LONGEST = 'n'.repeat(63);
  const CLASSES = ['critical', 'bulk'] as const;

  test('the longest topics keep within 7 slashes and 256 bytes, and rule and policy names within 128 characters', () => {
    // https://docs.aws.amazon.com/general/latest/gr/iot-core.html#limits_iot; the prefix of Basic Ingest is not counted
    // there, here it is.
    for (const topic of [
      ...CLASSES.map((traffic) => basicIngestTopic(LONGEST, traffic, `${LONGEST}-10000`)),
      topicOf('answer', LONGEST),
    ]) {
      expect(Buffer.byteLength(topic)).toBeLessThanOrEqual(256);
      expect(topic.split('/').length - 1).toBeLessThanOrEqual(7);
    }
    for (const name of [
      ...CLASSES.map((traffic) => ruleNameOf(LONGEST, traffic)),
      nodePolicyNameOf(LONGEST),
      fleetGroupNameOf(LONGEST),
    ]) {
      expect(name.length).toBeLessThanOrEqual(128);
    }
    expect(ruleNameOf('a-b_c', 'bulk')).toMatch(/^[a-zA-Z0-9_]+$/);
  });

  test('group names of fleets and sites never meet', () => {
    expect(siteGroupNameOf('a', 'b')).not.toBe(fleetGroupNameOf('a-b'));
    expect(siteGroupNameOf('a-b', 'c')).not.toBe(siteGroupNameOf('a', 'b-c'));
  });
});

describe('what has no room in an account is refused before CloudFormation sees it', () => {
  const base = fleets[0]!;
  const problemsOf = (fleet: Fleet): string[] =>
    cloudProblems(fleet).map(({ path, message }) => `${path.join('.')}: ${message}`);
  const withNodes = (count: number): Fleet => ({
    ...base,
    nodes: Array.from({ length: count }, (_, at) => ({ ...base.nodes[0]!, name: `machine-hall-${at}` })),
  });

  test('nodes that were named one by one', () => {
    const fits = withNodes(140);
    expect([cloudProblems(fits), Buffer.byteLength(nodesVariable(fits)) <= MAX_NODES_BYTES]).toEqual([[], true]);
    expect(problemsOf({ ...base, name: 'plant_a' })).toEqual([
      'name: plant_a holds _, allowed in an account: a-z, 0-9 and -; plant-a would do',
    ]);
    expect(problemsOf(withNodes(200))).toEqual([
      `nodes: their names take ${Buffer.byteLength(nodesVariable(withNodes(200)))} bytes of the functions' environment, allowed 3000: replace nodes that are alike by one entry with a count`,
    ]);
  });

  test('check says so already, where a node delivers to the account', () => {
    const uplink = [{ type: 'iot-core' as const, endpoint: undefined, port: 8883 }];
    const small = { ...base, name: 'plant_a' };
    expect(checkFleet(small)).toEqual([]);
    expect(checkFleet({ ...small, uplink } as Fleet)).toEqual(cloudProblems(small));
  });

  test('sites beyond the stack, and names beyond a thing group', () => {
    const sites = Object.fromEntries(Array.from({ length: MAX_SITES + 1 }, (_, at) => [`site-${at}`, {}]));
    expect(problemsOf({ ...base, sites })[0]).toMatch(/^sites: 301 thing groups, allowed 300/);
    const long = 's'.repeat(63);
    expect(problemsOf({ ...base, name: long, sites: { [long]: {} } })).toEqual([
      `sites.${long}: the name of its thing group has 137 characters, allowed 128`,
    ]);
  });

  test.each(rows)('%s has room, and its functions keep their environment under 4 KB', (_name, { fleet, templates }) => {
    expect(cloudProblems(fleet)).toEqual([]);
    const functions = Object.values(templates.Ingest.Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');
    expect(functions).toHaveLength(5);
    for (const { Properties } of functions) {
      // References become names of at most 256 bytes; what they are written as here is longer still or close to it.
      expect(Buffer.byteLength(JSON.stringify((Properties!.Environment as JsonObject).Variables))).toBeLessThan(4_096);
    }
  });
});
