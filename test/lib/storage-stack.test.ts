import { describe, expect, test } from '@jest/globals';
import { asideKey, dayOf, landingKey, partialKeyOf, stagingKey } from '../../core/cold-layout.ts';
import { ASIDE_COLUMNS, COLD_TABLES, LANDING_COLUMNS, PARTIAL_COLUMNS } from '../../core/cold-tables.ts';
import { readProjection } from '../../core/partition-projection.ts';
import { SHIPPED_QUERIES } from '../../lib/storage/shipped-queries.ts';
import { fleetFile, type Json, type JsonObject, resourcesOf, synthesise } from '../helpers/fleet-templates.ts';
import { textOf } from '../helpers/rights.ts';

const small = await fleetFile('small-factory');
const fleet = synthesise({ ...small, cloud: { ...small.cloud, scanLimit: 123_000_000 } });
const NOW = Date.parse('2026-11-23T12:00:00Z');
const DAY = 86_400_000;

const text = (value: Json): string => textOf(fleet, 'Storage', value);
const only = (type: string): JsonObject => {
  const [found, ...more] = resourcesOf(fleet, type);
  if (found === undefined || more.length > 0) throw new Error(`${type}: expected exactly one`);
  return found.resource.Properties!;
};

describe('tables', () => {
  const tables = new Map(
    resourcesOf(fleet, 'AWS::Glue::Table').map(({ resource }) => {
      const { TableInput, DatabaseName } = resource.Properties as { TableInput: JsonObject; DatabaseName: string };
      return [TableInput.Name as string, { ...TableInput, DatabaseName } as JsonObject];
    }),
  );
  const parametersOf = (table: string): Record<string, string> =>
    Object.fromEntries(
      Object.entries(tables.get(table)!.Parameters as JsonObject).map(([name, value]) => [name, text(value)]),
    );
  const projectionOf = (table: string) => readProjection(parametersOf(table), NOW);

  test('are those of the cold layout, in a database that needs no quotes', () => {
    expect([...tables.keys()].sort()).toEqual(COLD_TABLES.map(({ name }) => name).sort());
    expect(new Set([...tables.values()].map((table) => table.DatabaseName))).toEqual(
      new Set(['headwater_small_factory']),
    );
    expect((only('AWS::Glue::Database').DatabaseInput as JsonObject).Name).toBe('headwater_small_factory');
  });

  test('have the columns of the files, and dt beside them', () => {
    const columnsOf = (table: string) => {
      const { Columns } = tables.get(table)!.StorageDescriptor as { Columns: { Name: string; Type: string }[] };
      return Columns.map(({ Name, Type }) => [Name, Type]);
    };
    expect(columnsOf('landing')).toEqual(LANDING_COLUMNS);
    expect(columnsOf('partials')).toEqual(PARTIAL_COLUMNS);
    expect(columnsOf('aside')).toEqual(ASIDE_COLUMNS);
    for (const table of tables.values()) expect(table.PartitionKeys).toEqual([{ Name: 'dt', Type: 'string' }]);
  });

  test('find what ingest and aggregate write, from 2000 on to what a fast clock sends from tomorrow', () => {
    for (const ms of [Date.parse('2000-01-01'), Date.parse('2012-02-29'), NOW - DAY, NOW, NOW + DAY, NOW + 2 * DAY]) {
      const landing = landingKey('b', dayOf(ms));
      expect(projectionOf('landing').finds(`s3://Storage/Cold/${landing}`)).toBe(true);
      expect(projectionOf('partials').finds(`s3://Storage/Cold/${partialKeyOf(landing)}`)).toBe(true);
      expect(projectionOf('aside').finds(`s3://Storage/Cold/${asideKey('x', dayOf(ms))}`)).toBe(true);
    }
  });

  test('and nothing else: no staged object, no object of another table', () => {
    const others = [stagingKey('b', dayOf(NOW)), asideKey('x', dayOf(NOW)), partialKeyOf(landingKey('b', dayOf(NOW)))!];
    const { finds } = projectionOf('landing');
    expect(others.filter((key) => finds(`s3://Storage/Cold/${key}`))).toEqual([]);
  });

  test('lie where their template says', () => {
    for (const name of tables.keys()) {
      const { Location } = tables.get(name)!.StorageDescriptor as JsonObject;
      expect(projectionOf(name).prefixOf('2026-11-23').startsWith(text(Location!))).toBe(true);
    }
  });
});

describe('the workgroup', () => {
  test('ends a query that reads more than the fleet file allows, whatever the client asks for', () => {
    const { Name, WorkGroupConfiguration } = only('AWS::Athena::WorkGroup');
    expect(Name).toBe('headwater-small-factory');
    const { ResultConfiguration, ...configuration } = WorkGroupConfiguration as JsonObject;
    expect(configuration).toEqual({
      BytesScannedCutoffPerQuery: 123_000_000,
      EnforceWorkGroupConfiguration: true,
      PublishCloudWatchMetricsEnabled: true,
    });
    expect(text((ResultConfiguration as JsonObject).OutputLocation!)).toBe('s3://Storage/Queries/Results/answers/');
  });

  test('holds the shipped queries as they stand in lib/queries', () => {
    const named = resourcesOf(fleet, 'AWS::Athena::NamedQuery').map(({ resource: { Properties = {} } }) => Properties);
    expect(named.map(({ Name, QueryString }) => [Name, QueryString])).toEqual(
      SHIPPED_QUERIES.map(({ name, sql }) => [name, sql]),
    );
    for (const { Database, WorkGroup } of named) {
      expect([Database, WorkGroup]).toEqual(['headwater_small_factory', 'headwater-small-factory']);
    }
  });
});
