import { type Document, isAlias, isMap, isNode, isPair, isScalar, isSeq, type Node, type Pair } from 'yaml';

export type YamlPath = readonly (string | number)[];

/** Where the parts of a document stand: offsets of characters from its start. */
export interface YamlPositions {
  /** Of the value at this path, or of the deepest part of the path that exists: what is missing has no place. */
  ofValue(path: YamlPath): number;
  /** Of the key that the path ends in. */
  ofKey(path: YamlPath): number;
}

/** @example createYamlPositions(document).ofValue(['nodes', 0, 'site']) */
export function createYamlPositions(document: Document.Parsed): YamlPositions {
  const resolve = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node);

  const ofValue = (path: YamlPath): number => {
    let node: unknown = document.contents;
    let offset = startOf(node) ?? 0;
    for (const step of path) {
      const pair = pairOf(resolve(node), step);
      const next = pair ? pair.value : itemOf(resolve(node), step);
      // A key without a value still says where the value is missing.
      offset = startOf(next) ?? startOf(pair?.key) ?? offset;
      if (next === undefined || next === null) break;
      node = next;
    }
    return offset;
  };

  const ofKey = (path: YamlPath): number => {
    let node: unknown = document.contents;
    for (const step of path.slice(0, -1)) {
      const resolved = resolve(node);
      node = pairOf(resolved, step)?.value ?? itemOf(resolved, step);
    }
    return startOf(pairOf(resolve(node), path.at(-1))?.key) ?? ofValue(path);
  };

  return { ofValue, ofKey };
}

function pairOf(node: unknown, step: string | number | undefined): Pair | undefined {
  if (!isMap(node)) return undefined;
  return node.items.find(
    (pair) => isPair(pair) && String(isScalar(pair.key) ? pair.key.value : pair.key) === `${step}`,
  );
}

function itemOf(node: unknown, step: string | number): unknown {
  return isSeq(node) && typeof step === 'number' ? node.items[step] : undefined;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}
