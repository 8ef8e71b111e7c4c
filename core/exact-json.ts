/** What JSON can hold; a member that is undefined is left out. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/**
 * The text that JSON.stringify makes, but of −0 it makes `0`, and here it stays `-0`: JSON has it, and JSON.parse gives it
 * back.
 *
 * @param indent spaces a level. @default all on one line
 */
export function exactJson(value: Json, indent = 0): string {
  const [gap, colon] = indent === 0 ? ['', ':'] : [' '.repeat(indent), ': '];
  const write = (part: Json, margin: string): string => {
    if (typeof part !== 'object' || part === null) return Object.is(part, -0) ? '-0' : JSON.stringify(part);
    const inner = margin + gap;
    const enclose = (open: string, members: readonly string[], close: string): string => {
      if (members.length === 0 || indent === 0) return `${open}${members.join(',')}${close}`;
      return `${open}\n${inner}${members.join(`,\n${inner}`)}\n${margin}${close}`;
    };
    if (isList(part)) {
      return enclose(
        '[',
        part.map((member) => write(member, inner)),
        ']',
      );
    }
    const members = Object.entries(part).flatMap(([key, member]) =>
      member === undefined ? [] : [`${JSON.stringify(key)}${colon}${write(member, inner)}`],
    );
    return enclose('{', members, '}');
  };
  return write(value, '');
}

/** Array.isArray does not narrow what is read only. */
const isList = (value: readonly Json[] | object): value is readonly Json[] => Array.isArray(value);
