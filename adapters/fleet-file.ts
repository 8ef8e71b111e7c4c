import { readFile, stat } from 'node:fs/promises';
import { type Document, isPair, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { type Fleet, fleetSchema } from '../core/fleet.ts';
import { checkFleet } from '../core/fleet-check.ts';
import { describeIssue, type LocatedIssue } from './fleet-issue.ts';
import { createYamlPositions } from './yaml-position.ts';

/** One thing wrong with a fleet file; line and column count from 1. The message names the path within the file. */
export interface FleetFileProblem {
  line: number;
  column: number;
  message: string;
}

export type LoadedFleet = { ok: true; fleet: Fleet } | { ok: false; problems: FleetFileProblem[] };

export const MAX_FLEET_FILE_BYTES = 1024 ** 2;
/** How many times aliases may multiply content; more is an attack. */
const MAX_ALIAS_COUNT = 100;
/** What remains meaningful of a document after such an error, so that the schema can be tried as well. */
const HARMLESS_YAML_ERRORS: readonly string[] = ['DUPLICATE_KEY'];

/**
 * Reads and checks a fleet file. All problems come at once, in the order of the file; a file that cannot be read is
 * one problem at line 1.
 */
export async function loadFleet(path: string): Promise<LoadedFleet> {
  try {
    const { size } = await stat(path);
    if (size > MAX_FLEET_FILE_BYTES) return refuse(`the file has ${size} bytes, allowed ${MAX_FLEET_FILE_BYTES}`);
    return parseFleet(await readFile(path, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return refuse(`cannot read ${path}: ${READ_ERRORS[code] ?? code}`);
  }
}

const READ_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory, expected a YAML file',
};

/** Where the package's own words speak to programmers. */
const YAML_ERRORS: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS: 'a second document begins here, a fleet file is one document',
  DUPLICATE_KEY: 'this key is there twice',
};

/** As `loadFleet`, for text. */
export function parseFleet(text: string): LoadedFleet {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_FLEET_FILE_BYTES) return refuse(`the file has ${bytes} bytes, allowed ${MAX_FLEET_FILE_BYTES}`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const found: { offset: number; message: string }[] = [
    ...document.errors.map((error) => ({
      offset: error.pos[0],
      message: `YAML: ${YAML_ERRORS[error.code] ?? error.message}`,
    })),
    ...danglingAliases(document),
  ];
  const usable = document.errors.every((error) => HARMLESS_YAML_ERRORS.includes(error.code));
  const checked: CheckedDocument =
    usable && found.length === document.errors.length ? checkDocument(document) : { issues: [] };
  const positions = createYamlPositions(document);
  for (const issue of checked.issues) {
    found.push({
      offset: issue.atKey ? positions.ofKey(issue.path) : positions.ofValue(issue.path),
      message: issue.path.length > 0 ? `${issue.path.join('.')}: ${issue.message}` : issue.message,
    });
  }
  if (found.length === 0 && checked.fleet) return { ok: true, fleet: checked.fleet };
  const problems = found
    .sort((a, b) => a.offset - b.offset)
    .map(({ offset, message }) => {
      const { line, col } = lines.linePos(offset);
      return { line: Math.max(1, line), column: Math.max(1, col), message };
    });
  return { ok: false, problems };
}

interface CheckedDocument {
  fleet?: Fleet;
  issues: LocatedIssue[];
}

function checkDocument(document: Document.Parsed): CheckedDocument {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIAS_COUNT });
  } catch (error) {
    // The yaml package's way to refuse alias bombs.
    if (error instanceof ReferenceError) return { issues: [{ path: [], message: `YAML: ${error.message}` }] };
    throw error;
  }
  if (value === null || value === undefined) return { issues: [{ path: [], message: 'the file holds no fleet' }] };
  // A record drops this key without a word, so it is looked for first.
  const poisoned = protoKeys(document);
  const parsed = fleetSchema.safeParse(value);
  if (!parsed.success) {
    return { issues: [...poisoned, ...parsed.error.issues.flatMap((issue) => describeIssue(issue, value))] };
  }
  return { fleet: parsed.data, issues: [...poisoned, ...checkFleet(parsed.data)] };
}

function danglingAliases(document: Document.Parsed): { offset: number; message: string }[] {
  const dangling: { offset: number; message: string }[] = [];
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) === undefined) {
        const offset = alias.range?.[0] ?? 0;
        dangling.push({ offset, message: `YAML: alias *${alias.source} has no anchor &${alias.source} before it` });
      }
    },
  });
  return dangling;
}

function protoKeys(document: Document.Parsed): LocatedIssue[] {
  const found: LocatedIssue[] = [];
  visit(document, {
    Pair: (_key, pair, ancestors) => {
      if (!isScalar(pair.key) || pair.key.value !== '__proto__') return;
      const path = ancestors.flatMap((ancestor) =>
        isPair(ancestor) && isScalar(ancestor.key) ? [`${ancestor.key.value}`] : [],
      );
      found.push({ path: [...path, '__proto__'], message: 'this name is not allowed', atKey: true });
    },
  });
  return found;
}

const refuse = (message: string): LoadedFleet => ({ ok: false, problems: [{ line: 1, column: 1, message }] });
