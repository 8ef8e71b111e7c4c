/** A run of characters in one style. */
export interface Span {
  text: string;
  bold: boolean;
  dim: boolean;
  /** Colour number 1 to 7 of a terminal; undefined = the usual one. */
  colour: number | undefined;
}
type Style = Omit<Span, 'text'>;
interface Cell {
  character: string;
  style: Style;
}

const PLAIN: Style = { bold: false, dim: false, colour: undefined };

const ESCAPE = '\u001b';
/** A control sequence, or one character. */
const TOKEN = new RegExp(`${ESCAPE}\\[([?\\d;]*)([A-Za-z])|([\\s\\S])`, 'gu');

/**
 * What stands on a terminal after it was sent this output: lines of spans, trailing blanks left out. Knows what a
 * refreshing screen needs: colours, moving up and to a column, erasing. Other sequences are ignored.
 */
export function terminalLines(output: string): Span[][] {
  const screen: Cell[][] = [[]];
  let row = 0;
  let column = 0;
  let style = PLAIN;
  for (const [, parameters = '', command, character] of output.matchAll(TOKEN)) {
    const number = Number(parameters || 1);
    if (character === '\n') {
      row++;
      column = 0;
    } else if (character === '\r') column = 0;
    else if (character !== undefined) {
      const line = lineAt(screen, row);
      while (line.length < column) line.push({ character: ' ', style: PLAIN });
      line[column++] = { character, style };
    } else if (command === 'A') row = Math.max(0, row - number);
    else if (command === 'B') row += number;
    else if (command === 'G') column = number - 1;
    else if (command === 'K') erase(lineAt(screen, row), parameters, column);
    else if (command === 'J') screen.length = Math.min(screen.length, row + 1);
    else if (command === 'm') style = styled(style, parameters);
  }
  return screen.map(spansOf);
}

function lineAt(screen: Cell[][], row: number): Cell[] {
  while (screen.length <= row) screen.push([]);
  return screen[row]!;
}

function erase(line: Cell[], parameters: string, column: number): void {
  line.length = parameters === '2' ? 0 : Math.min(line.length, column);
}

/** Select Graphic Rendition (ECMA-48, 8.3.117), as far as picocolors uses it. */
function styled(style: Style, parameters: string): Style {
  let now = style;
  for (const code of parameters.split(';').map(Number)) now = withCode(now, code);
  return now;
}

function withCode(style: Style, code: number): Style {
  if (code === 0) return PLAIN;
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code >= 31 && code <= 37) return { ...style, colour: code - 30 };
  return code === 39 ? { ...style, colour: undefined } : style;
}

function spansOf(line: readonly Cell[]): Span[] {
  const spans: Span[] = [];
  for (const { character, style } of line) {
    const last = spans.at(-1);
    if (last && last.bold === style.bold && last.dim === style.dim && last.colour === style.colour) {
      last.text += character;
    } else spans.push({ text: character, ...style });
  }
  return spans;
}

export const plainText = (line: readonly Span[]): string =>
  line
    .map(({ text }) => text)
    .join('')
    .trimEnd();

const CHARACTER_WIDTH = 8.4;
const LINE_HEIGHT = 20;
const MARGIN = 16;
/** Red, green, yellow, blue, magenta, cyan, white on a dark ground; each at least 4.5 : 1 against it. */
const COLOURS = ['#ff8080', '#7ee787', '#f2cc60', '#79c0ff', '#d2a8ff', '#76e3ea', '#e6edf3'];

/**
 * A picture of terminal lines, as SVG without scripts or outside fonts.
 *
 * @param title read out instead of the picture
 */
export function terminalSvg(lines: readonly (readonly Span[])[], title: string): string {
  const columns = Math.max(...lines.map((line) => plainText(line).length));
  const width = Math.ceil(columns * CHARACTER_WIDTH + 2 * MARGIN);
  const height = lines.length * LINE_HEIGHT + 2 * MARGIN;
  const rows = lines.map((line, index) => {
    const y = MARGIN + LINE_HEIGHT * index + 15;
    return `<text x="${MARGIN}" y="${y}" xml:space="preserve">${line.map(spanSvg).join('')}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    '<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="14" fill="#e6edf3">',
    ...rows,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

function spanSvg({ text, bold, dim, colour }: Span): string {
  const fill = colour === undefined ? (dim ? '#9da7b3' : undefined) : COLOURS[colour - 1];
  const attributes = `${bold ? ' font-weight="bold"' : ''}${fill ? ` fill="${fill}"` : ''}`;
  return attributes === '' ? escaped(text) : `<tspan${attributes}>${escaped(text)}</tspan>`;
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
