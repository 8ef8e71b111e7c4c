import { describe, expect, test } from '@jest/globals';
import { parseFleet } from '../../adapters/fleet-file.ts';
import { SYSTEM_STREAMS } from '../../adapters/sources/system-metrics.ts';
import { fleetJsonSchema } from '../../core/fleet.ts';
import { planNode } from '../../core/node-plan.ts';
import { fleetReference, type JsonSchema } from '../../docs/make/fleet-reference.ts';
import { blockOf, withBlock } from '../../docs/make/marked-block.ts';
import { readText } from './pages.ts';

test('docs/fleet-file.md is what the schema says (else: npx tsx docs/make-fleet-reference.ts)', () => {
  expect(blockOf(readText('docs/fleet-file.md'), 'keys')).toBe(
    `\n${fleetReference(fleetJsonSchema() as JsonSchema)}\n`,
  );
});

test('docs/fleet-file.md names every stream that the system source knows', () => {
  const text = readText('docs/fleet-file.md');
  expect(SYSTEM_STREAMS.filter((stream) => !text.includes(`\`${stream}\``))).toEqual([]);
});

test("README's fleet file is one, and its columns are those of README's recording", () => {
  const readme = readText('README.md');
  const fleet = parseFleet(/```yaml\n([\s\S]*?)```/.exec(readme)![1]!);
  if (!fleet.ok) throw new Error(JSON.stringify(fleet.problems));
  const source = planNode(fleet.fleet, 'hall-1', { demo: true })!.sources[0]!.config;
  if (source.type !== 'file') throw new Error(`source ${source.type}`);
  const head = /```csv\n(.*)\n/.exec(readme)![1]!.split(',');
  expect([source.time?.column, ...Object.values(source.columns)]).toEqual(head);
});

describe('fleetReference', () => {
  const schema: JsonSchema = {
    type: 'object',
    required: ['a'],
    properties: {
      a: { type: 'integer', minimum: 1, maximum: 9, description: 'Is a.' },
      b: { oneOf: [{ type: 'object', properties: { type: { const: 'x', type: 'string' } } }], default: { type: 'x' } },
      c: { type: 'object', additionalProperties: { type: 'object', properties: { d: { enum: ['p', 'q'] } } } },
    },
  };

  test('makes a table of each mapping, with bounds, choices and defaults', () => {
    expect(fleetReference(schema).split('\n')).toEqual([
      '### The file',
      '',
      '| Key | Value | Meaning |',
      '|---|---|---|',
      '| **`a`** | whole number, 1 to 9 | Is a. |',
      '| `b` | `type: x` | Default: all defaults. |',
      '| `c` | mapping by name |  |',
      '',
      '### `b` with `type: x`',
      '',
      '| Key | Value | Meaning |',
      '|---|---|---|',
      '| `type` | `x` |  |',
      '',
      '### `c.NAME`',
      '',
      '| Key | Value | Meaning |',
      '|---|---|---|',
      '| `d` | `p`, `q` |  |',
      '',
    ]);
  });

  test('a type that it does not know is an error, not a gap in the page', () => {
    expect(() => fleetReference({ properties: { a: { type: 'null' } } })).toThrow('type null');
  });
});

test('withBlock changes the block and nothing else', () => {
  const page = 'a\n<!-- begin x: by y -->\nold\n<!-- end x -->\nb\n';
  expect(withBlock(page, 'x', '$& new\n')).toBe('a\n<!-- begin x: by y -->\n$& new\n<!-- end x -->\nb\n');
  expect(() => withBlock(page, 'z', '')).toThrow('no block z');
});
