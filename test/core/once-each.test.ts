import { expect, test } from '@jest/globals';
import { onceEach } from '../../core/once-each.ts';

test('what was made of an object is made once, and of each object its own; nothing is a result too', () => {
  const asked: string[] = [];
  const nameOf = onceEach(({ name }: { name: string }) => {
    asked.push(name);
    return name === 'none' ? undefined : `${name}!`;
  });
  const [a, b, none] = [{ name: 'a' }, { name: 'b' }, { name: 'none' }];
  expect([nameOf(a), nameOf(b), nameOf(a), nameOf(none), nameOf(none)]).toEqual([
    'a!',
    'b!',
    'a!',
    undefined,
    undefined,
  ]);
  expect(asked).toEqual(['a', 'b', 'none']);
  expect(nameOf({ ...a })).toBe('a!');
  expect(asked).toHaveLength(4);
});
