import { BYTES_PATTERN } from '../../core/bytes.ts';
import { DURATION_PATTERN } from '../../core/duration.ts';

/** As much of JSON Schema as the fleet file's schema uses. */
export interface JsonSchema {
  type?: string;
  description?: string;
  /** A bound that the type cannot say (core/bounded.ts). */
  $comment?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  required?: string[];
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | false;
  items?: JsonSchema;
  oneOf?: JsonSchema[];
  anyOf?: JsonSchema[];
}

interface Section {
  title: string;
  schema: JsonSchema;
}

/** One table of keys for each mapping of the fleet file, outermost first, as Markdown. */
export function fleetReference(schema: JsonSchema): string {
  return sectionsOf('The file', '', schema).map(sectionText).join('\n');
}

function sectionsOf(title: string, path: string, schema: JsonSchema): Section[] {
  const own = schema.properties ? [{ title, schema }] : [];
  const inner = Object.entries(schema.properties ?? {}).flatMap(([key, value]) =>
    nested(path === '' ? key : `${path}.${key}`, value),
  );
  return [...own, ...inner];
}

function nested(path: string, schema: JsonSchema): Section[] {
  if (schema.oneOf) {
    return schema.oneOf.flatMap((choice) => sectionsOf(`\`${path}\` with ${choiceText(choice)}`, path, choice));
  }
  if (schema.items) return nested(`${path}[]`, schema.items);
  if (schema.additionalProperties) return nested(`${path}.NAME`, schema.additionalProperties);
  return sectionsOf(`\`${path}\``, path, schema);
}

/** The key that tells the forms of a mapping apart: `type: change`. */
function choiceText({ properties = {} }: JsonSchema): string {
  const [key, value] = Object.entries(properties).find(([, property]) => property.const !== undefined)!;
  return `\`${key}: ${value.const}\``;
}

function sectionText({ title, schema }: Section): string {
  const rows = Object.entries(schema.properties ?? {}).map(([key, value]) => {
    const name = schema.required?.includes(key) ? `**\`${key}\`**` : `\`${key}\``;
    return `| ${name} | ${valueText(value)} | ${meaningOf(value)} |\n`;
  });
  const intro = schema.description ? `${schema.description}\n\n` : '';
  return `### ${title}\n\n${intro}| Key | Value | Meaning |\n|---|---|---|\n${rows.join('')}`;
}

function meaningOf({ description = '', default: value }: JsonSchema): string {
  if (value === undefined || description.includes('Default:')) return cell(description);
  return cell(`${description} Default: ${typeof value === 'object' ? 'all defaults' : value}.`.trim());
}

/** A bar would end the cell. */
const cell = (text: string): string => text.replaceAll('|', '\\|');

function valueText(schema: JsonSchema): string {
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return choices.map((choice) => (choice.properties ? choiceText(choice) : valueText(choice))).join(', ');
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(', ');
  switch (schema.type) {
    case 'array':
      return `list: ${valueText(schema.items ?? {})}`;
    case 'object':
      return schema.additionalProperties ? 'mapping by name' : 'mapping';
    case 'string':
      return textOf(schema);
    case 'integer':
      return `whole number${boundsOf(schema)}`;
    case 'number':
      return `number${boundsOf(schema)}`;
    default:
      throw new Error(`type ${schema.type} in the schema, known: array, object, string, integer, number`);
  }
}

function textOf({ pattern, maxLength, $comment }: JsonSchema): string {
  const bound = $comment === undefined ? '' : `, ${$comment}`;
  if (pattern === DURATION_PATTERN.source) return `duration${bound}`;
  if (pattern === BYTES_PATTERN.source) return `size${bound}`;
  if (pattern !== undefined) return 'name';
  return maxLength === undefined ? 'text' : `text, at most ${maxLength} characters`;
}

function boundsOf({ minimum, maximum }: JsonSchema): string {
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (minimum !== undefined && most !== undefined) return `, ${minimum} to ${most}`;
  if (minimum !== undefined) return `, at least ${minimum}`;
  return most === undefined ? '' : `, at most ${most}`;
}
