/** The part of a Markdown page that a program writes: between `<!-- begin NAME … -->` and `<!-- end NAME -->`. */
const blockPattern = (name: string): RegExp =>
  new RegExp(`(<!-- begin ${name}\\b[^>]*-->\\n)([\\s\\S]*?)(<!-- end ${name} -->)`);

/** What stands in the block now; undefined if the page has no such block. */
export const blockOf = (page: string, name: string): string | undefined => blockPattern(name).exec(page)?.[2];

/**
 * The page with another content in the block.
 *
 * @throws if the page has no such block
 */
export function withBlock(page: string, name: string, content: string): string {
  if (blockOf(page, name) === undefined) throw new Error(`no block ${name}: expected <!-- begin ${name} … -->`);
  return page.replace(blockPattern(name), (_all, begin: string, _old: string, end: string) => begin + content + end);
}
