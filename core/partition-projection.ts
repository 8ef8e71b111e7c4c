/**
 * Which partitions Athena looks into, computed from a table's parameters as Athena computes them: a wrong parameter
 * gives no error there, only no rows.
 * https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
 */
export interface Projection {
  /** The partition's column. */
  column: string;
  /** The value of the first and last partition, both included. */
  first: string;
  last: string;
  /** The prefix of a partition's objects. */
  prefixOf(value: string): string;
  /** Every prefix that a query without a predicate would list, in order. */
  prefixes(): string[];
  /** Whether a query can ever find an object; `uri` as `s3://bucket/key`. */
  finds(uri: string): boolean;
}

const DAY_MS = 86_400_000;
/** What Athena can be told and this evaluator knows; anything else is refused. */
const KNOWN =
  /^(EXTERNAL|classification|projection\.(enabled|\w+\.(type|format|range|interval|interval\.unit))|storage\.location\.template)$/;

/**
 * Reads one projected day column.
 *
 * @param parameters of the Glue table
 * @param nowMs ms since 1970; ranges may be relative to it
 * @throws Error if Athena would refuse the parameters, or if they use what this evaluator does not know
 */
export function readProjection(parameters: Readonly<Record<string, string>>, nowMs: number): Projection {
  for (const name of Object.keys(parameters))
    if (!KNOWN.test(name)) refuse(name, parameters[name], 'a known parameter');
  expectValue(parameters, 'projection.enabled', 'true');
  const columns = Object.keys(parameters).flatMap((name) => /^projection\.(\w+)\.type$/.exec(name)?.[1] ?? []);
  if (columns.length !== 1) refuse('projection.*.type', columns.join(', '), 'exactly one projected column');
  const column = columns[0]!;
  const own = (name: string): string => `projection.${column}.${name}`;
  expectValue(parameters, own('type'), 'date');
  expectValue(parameters, own('format'), 'yyyy-MM-dd');
  // Of a day format these are the defaults too.
  if (parameters[own('interval')] !== undefined) expectValue(parameters, own('interval'), '1');
  if (parameters[own('interval.unit')] !== undefined) expectValue(parameters, own('interval.unit'), 'DAYS');
  const [first, last] = readRange(own('range'), parameters[own('range')], nowMs);
  const [before, after] = readTemplate(parameters['storage.location.template'], column);

  const prefixOf = (value: string): string => `${before}${value}${after}`;
  return {
    column,
    first,
    last,
    prefixOf,
    prefixes: () => daysOf(first, last).map(prefixOf),
    finds: (uri) => {
      const value = uri.slice(before.length, before.length + first.length);
      return uri.startsWith(prefixOf(value)) && isDay(value) && value >= first && value <= last;
    },
  };
}

function readRange(name: string, range: string | undefined, nowMs: number): [first: string, last: string] {
  const bounds = (range ?? '').split(',').map((bound) => readBound(bound.trim(), nowMs));
  const [first, last] = bounds;
  if (bounds.length !== 2 || first === undefined || last === undefined || first > last) {
    return refuse(name, range, 'two days, the first one not after the second, each YYYY-MM-DD or NOW[+nDAYS|-nDAYS]');
  }
  return [first, last];
}

function readBound(bound: string, nowMs: number): string | undefined {
  const relative = /^NOW(?:\s*([+-])\s*(\d+)\s*DAYS?)?$/.exec(bound);
  if (relative) {
    const days = Number(relative[2] ?? 0) * (relative[1] === '-' ? -1 : 1);
    return dayText(nowMs + days * DAY_MS);
  }
  return isDay(bound) ? bound : undefined;
}

function readTemplate(template: string | undefined, column: string): [before: string, after: string] {
  const name = 'storage.location.template';
  const [before, after, ...more] = (template ?? '').split(`\${${column}}`);
  if (before === undefined || after === undefined || more.length > 0 || /\$\{/.test(before + after)) {
    return refuse(name, template, `one \${${column}} and no other column`);
  }
  // Without the slash a day would also find the objects of names that begin with it.
  if (!/^s3:\/\/[^/]+\/.*$/.test(before) || !after.endsWith('/')) return refuse(name, template, 's3://bucket/…/');
  return [before, after];
}

function daysOf(first: string, last: string): string[] {
  const days: string[] = [];
  for (let at = Date.parse(first); dayText(at) <= last; at += DAY_MS) days.push(dayText(at));
  return days;
}

const dayText = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const isDay = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) && dayText(Date.parse(text)) === text;

function expectValue(parameters: Readonly<Record<string, string>>, name: string, allowed: string): void {
  if (parameters[name] !== allowed) refuse(name, parameters[name], allowed);
}

function refuse(name: string, seen: string | undefined, allowed: string): never {
  throw new Error(`table parameter ${name}: ${seen ?? 'missing'}, allowed ${allowed}`);
}
