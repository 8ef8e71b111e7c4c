import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson, isCanonicalObject } from '../../core/canonical-json.ts';

const LIMITS = { maxBytes: 1_000, maxDepth: 3 };
const ample = { maxBytes: 1_000_000, maxDepth: 100 };

describe('canonical JSON', () => {
  test('sorts keys at every depth, leaves no spaces, and writes numbers as JavaScript does', () => {
    const value = { b: [1e21, 0.1, -0, 5e-324], a: { z: null, y: [true, 'läuft "so"\n'] }, ä: 1, '': 2 };
    expect(canonicalJson(value, LIMITS)).toEqual({
      ok: true,
      json: '{"":2,"a":{"y":[true,"läuft \\"so\\"\\n"],"z":null},"b":[1e+21,0.1,0,5e-324],"ä":1}',
    });
  });

  test('keys are sorted by UTF-16 code units (RFC 8785, 3.2.3)', () => {
    const written = canonicalJson({ '€': 1, '\r': 2, '\ufb33': 3, '1': 4, '😀': 5, ö: 6 }, LIMITS);
    expect(written.ok && written.json).toBe('{"\\r":2,"1":4,"ö":6,"€":1,"😀":5,"\ufb33":3}');
  });

  test('equal objects have equal texts, which say the same and are their own canonical form', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()), (object) => {
        const turned = Object.fromEntries(Object.entries(object).reverse());
        const written = canonicalJson(object, ample);
        fc.pre(written.ok);
        expect(canonicalJson(turned, ample)).toEqual(written);
        expect(JSON.parse(written.json)).toEqual(JSON.parse(JSON.stringify(object)));
        expect(isCanonicalObject(written.json, ample)).toBe(true);
      }),
    );
  });

  test.each<[string, unknown, string, string]>([
    ['NaN', { a: [1, Number.NaN] }, 'not-finite', 'a.1: value NaN'],
    ['infinity', { a: Infinity }, 'not-finite', 'a: value Infinity'],
    ['an integer that may have been rounded', { id: 2 ** 53 }, 'not-exact', 'id: integer 9007199254740992'],
    ['a bigint', { id: 7n }, 'not-exact', 'id: integer 7'],
    ['undefined', { a: undefined }, 'wrong-kind', 'a: undefined'],
    ['a function', { a: () => 1 }, 'wrong-kind', 'a: function'],
    ['a hole in an array', { a: new Array(1) }, 'wrong-kind', 'a.0: undefined'],
    ['a date', { at: new Date(0) }, 'wrong-kind', 'at: an object of a class'],
    ['a map', new Map(), 'wrong-kind', 'an object of a class'],
    ['half a character', { a: '\ud83d' }, 'wrong-kind', 'a: text is not well-formed'],
    ['half a character in a key', { '\ud83d': 1 }, 'wrong-kind', 'text is not well-formed'],
    ['more depth than allowed', { a: [{ b: [] }] }, 'too-large', 'a.0.b: more than 3 objects'],
    ['more bytes than allowed', { a: 'ä'.repeat(498) }, 'too-large', 'JSON of more than 1000 bytes'],
    ['more members than bytes', new Array(1_001), 'too-large', 'JSON of more than 1000 bytes'],
  ])('%s is refused', (_, value, reason, detail) => {
    expect(canonicalJson(value, LIMITS)).toEqual({ ok: false, reason, detail: expect.stringContaining(detail) });
  });

  test('up to the limits it is not', () => {
    expect(canonicalJson({ a: [{ b: 1 }] }, LIMITS)).toMatchObject({ ok: true });
    const written = canonicalJson({ a: 'ä'.repeat(496) }, LIMITS);
    expect(written.ok && Buffer.byteLength(written.json)).toBe(1_000);
    expect(canonicalJson({ max: 2 ** 53 - 1, large: 1.5e300 }, LIMITS)).toMatchObject({ ok: true });
  });

  test('an object that holds itself ends', () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(canonicalJson(circle, { ...ample, maxDepth: 50 })).toMatchObject({ ok: false, reason: 'too-large' });
  });

  test.each([
    '',
    '{',
    '[]',
    '1',
    '{ }',
    '{"b":1,"a":2}',
    '{"a":1.0}',
    '{"a":-0}',
    '{"a":1,"a":1}',
    '{"a":9007199254740993}',
  ])('%s is no canonical object', (text) => expect(isCanonicalObject(text, LIMITS)).toBe(false));
});
