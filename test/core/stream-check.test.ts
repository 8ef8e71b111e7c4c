import { expect, test } from '@jest/globals';
import { parseFleet } from '../../adapters/fleet-file.ts';

const fleetWith = (stream: string): string => `
version: 1
name: kinds
sites: {s: {}}
streams: {t: ${stream}}
deviceGroups:
  g: {streams: [t], source: {type: file, path: a.ndjson, format: ndjson, columns: {t: T}}}
nodes:
  - {name: a, site: s, deviceGroups: [g]}
`;
const problemsOf = (text: string): string[] => {
  const parsed = parseFleet(text);
  return parsed.ok ? [] : parsed.problems.map(({ message }) => message);
};

test.each(['log', 'json', 'array'])('a stream of kind %s takes no filter', (kind) => {
  expect(problemsOf(fleetWith(`{kind: ${kind}}`))).toEqual([]);
  expect(problemsOf(fleetWith(`{kind: ${kind}, filter: {type: none}}`))).toEqual([]);
  expect(problemsOf(fleetWith(`{kind: ${kind}, filter: {type: change}}`))).toEqual([
    `streams.t.filter.type: filter change compares single values, but the stream is of kind ${kind}: leave the filter out`,
  ]);
});

test.each([
  ['waveform', '{shape: waveform}', 'array'],
  ['log', '{shape: log, lines: [x]}', 'log'],
  ['events', '{shape: events, events: [x]}', 'json'],
])('shape %s makes its own kind only', (shape, model, kind) => {
  expect(problemsOf(fleetWith(`{kind: ${kind}, simulate: ${model}}`))).toEqual([]);
  expect(problemsOf(fleetWith(`{kind: text, simulate: ${model}}`))).toEqual([
    expect.stringContaining(`shape ${shape} makes ${kind}, but the stream is of kind text`),
  ]);
});
