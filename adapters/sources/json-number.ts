/** One token of JSON: a string, a structural character, or a number or word. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

/**
 * The text that stands for a key of the object on a line of sound JSON, as JSON.parse understood it: nested objects do
 * not count, and of doubled keys the last does. `undefined` = no such key.
 */
export function writtenValue(line: string, key: string): string | undefined {
  let depth = 0;
  let before = '';
  let ours = false;
  let written: string | undefined;
  for (const [token] of line.matchAll(TOKEN)) {
    // A colon directly inside the object stands between a key and its value.
    if (ours) written = token;
    ours = token === ':' && depth === 1 && JSON.parse(before) === key;
    if (token === '{' || token === '[') depth += 1;
    if (token === '}' || token === ']') depth -= 1;
    before = token;
  }
  return written;
}

/** The texts of the items of a list in sound JSON. */
export function writtenItems(text: string): string[] {
  const items: string[] = [];
  let depth = 0;
  let start = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === ']' || token === '}') depth -= 1;
    const ends = token === ',' ? depth === 1 : depth === 0 && token === ']';
    if (ends) items.push(text.slice(start, index));
    if (token === '[' || token === '{') depth += 1;
    if (ends || (token === '[' && depth === 1)) start = index + 1;
  }
  return items;
}
