const INTRODUCTION = `# Benchmarks

Written by \`npm run bench\`; never edited by hand. \`npm run bench -- ID …\` measures single sections anew and leaves all
others as they are, so sections may come from different days: each names its machine, date and commit.

Only ratios within one run mean anything: what is compared ran side by side, in turns, in the same minutes. Absolute
figures are there to show the size of things, not as promises.
`;

const opening = (id: string): string => `<!-- bench:${id} -->`;
const closing = (id: string): string => `<!-- /bench:${id} -->`;

/**
 * The document with one section replaced, or added at the place that `order` gives it. Everything else stays as it
 * is, byte for byte. An empty document gets the introduction.
 *
 * @throws if the section is opened and not closed: rewriting it would swallow what follows
 */
export function withSection(document: string, id: string, body: string, order: readonly string[]): string {
  const text = document === '' ? INTRODUCTION : document;
  const section = `${opening(id)}\n${body}\n${closing(id)}`;
  const found = placeOf(text, id);
  if (found) return text.slice(0, found.from) + section + text.slice(found.to);
  const later = order.slice(order.indexOf(id) + 1).map((other) => placeOf(text, other));
  const next = Math.min(...later.map((place) => place?.from ?? Number.POSITIVE_INFINITY));
  if (Number.isFinite(next)) return `${text.slice(0, next)}${section}\n\n${text.slice(next)}`;
  return `${text.trimEnd()}\n\n${section}\n`;
}

/** Where a section stands, markers included. */
function placeOf(text: string, id: string): { from: number; to: number } | undefined {
  const from = text.indexOf(opening(id));
  if (from < 0) return undefined;
  const end = text.indexOf(closing(id), from);
  if (end < 0) throw new Error(`section ${id} is opened and not closed; expected ${closing(id)}`);
  return { from, to: end + closing(id).length };
}
