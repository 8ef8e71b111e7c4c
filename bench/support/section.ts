/** What one claim measured. Every figure in it was computed in this run; none is typed by hand. */
export interface Section {
  tables: readonly Table[];
  /** One sentence: what ran against what. */
  method: string;
  /** One sentence: what the figures say, made from the figures. */
  says: string;
  /** How often, in which order, and what a cell such as `5.1 (4.9–5.3)` means. */
  noise: string;
  /** What the project promised, kept or not. */
  promises: readonly PromiseKept[];
  /** What the figures do not cover; empty = nothing to add. */
  caveats?: readonly string[];
}

export interface Table {
  head: readonly string[];
  rows: readonly (readonly string[])[];
}

export interface PromiseKept {
  what: string;
  promised: string;
  reached: string;
  kept: 'yes' | 'no' | 'not measured yet';
}

/** One claim: a file of its own in bench/, named like its id. */
export interface Claim {
  id: string;
  title: string;
  run(): Promise<Section>;
}

/** The Markdown of a section, without its markers. */
export function sectionMarkdown(title: string, machine: string, section: Section): string {
  const parts = [
    `## ${title}`,
    section.says,
    ...section.tables.map(tableMarkdown),
    `*Method:* ${section.method}`,
    `*Noise:* ${section.noise}`,
    ...(section.caveats ?? []).map((caveat) => `*Not covered:* ${caveat}`),
    ...(section.promises.length === 0 ? [] : [tableMarkdown(promiseTable(section.promises))]),
    `*Machine:* ${machine}`,
  ];
  return parts.join('\n\n');
}

function promiseTable(promises: readonly PromiseKept[]): Table {
  return {
    head: ['promise', 'promised', 'reached', 'kept'],
    rows: promises.map(({ what, promised, reached, kept }) => [what, promised, reached, kept]),
  };
}

function tableMarkdown({ head, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
