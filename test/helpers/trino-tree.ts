import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** A node of the syntax tree as plain data. */
export interface SqlTree {
  /** The grammar's name of it, such as `QuerySpecification`. */
  rule: string;
  /** Without white space and comments. */
  text: string;
  children: SqlTree[];
}
export interface ParsedSql {
  errors: string[];
  /** Empty if there are errors. */
  tree: SqlTree;
}

/** What dt-sql-parser's Trino parser gives, as far as it is used here. */
interface Parser {
  validate(sql: string): { startLine: number; message: string }[];
  createParser(sql: string): { program(): Context };
}
interface Context {
  constructor: { name: string };
  getText(): string;
  children?: Context[];
}

const ROOT = resolve(import.meta.dirname, '../..');

/** Trino's grammar, which Athena speaks. The package's files import each other in a way that only a bundler follows. */
export async function openTrinoParser(): Promise<(sql: string) => ParsedSql> {
  const bundle = await build({
    stdin: {
      contents: "export { TrinoSQL } from './node_modules/dt-sql-parser/dist/parser/trino/index.js'",
      resolveDir: ROOT,
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    keepNames: true,
  });
  const directory = mkdtempSync(join(tmpdir(), 'headwater-trino-'));
  try {
    const file = join(directory, 'trino.mjs');
    writeFileSync(file, bundle.outputFiles[0]!.text);
    const { TrinoSQL } = (await import(pathToFileURL(file).href)) as { TrinoSQL: new () => Parser };
    const parser = new TrinoSQL();
    return (sql) => {
      const errors = parser.validate(sql).map(({ startLine, message }) => `line ${startLine}: ${message}`);
      // The second parse would print what the first one found.
      return { errors, tree: errors.length > 0 ? NOTHING : plain(parser.createParser(sql).program()) };
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const NOTHING: SqlTree = { rule: 'Program', text: '', children: [] };

const plain = (context: Context): SqlTree => ({
  rule: context.constructor.name.replace(/Context\d*$/, ''),
  text: context.getText(),
  children: (context.children ?? []).map(plain),
});
