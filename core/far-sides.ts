import { addRanges, countOf, NO_RANGES, type RangeSet, subtract } from './ranges.ts';

/** What one far side, other than the present one, has acknowledged. */
interface Acknowledged {
  /** By the name of the lane and its epoch. */
  lanes: Readonly<Record<string, RangeSet>>;
  /** Records of lanes that are forgotten, per priority. */
  retired: readonly number[];
}

/**
 * What was delivered to far sides other than the present one, by their ids (docs/adr/0012-uplinks.md). What the
 * present one has is the rest of what was delivered: so a node with one far side keeps nothing here.
 */
export type DeliveredElsewhere = Readonly<Record<string, Acknowledged>>;
export const NOWHERE_ELSE: DeliveredElsewhere = {};

/** More ids than uplinks only come from stores that were replaced; the oldest of them are counted as one. */
const MAX_FAR_SIDES = 8;

/** The part of a lane that far sides other than the present one have acknowledged. */
export const elsewhereIn = (elsewhere: DeliveredElsewhere, lane: string): RangeSet =>
  Object.values(elsewhere).reduce<RangeSet>((all, { lanes }) => addRanges(all, lanes[lane] ?? []), NO_RANGES);

/** How many records of forgotten lanes of a priority they have. */
export const retiredElsewhere = (elsewhere: DeliveredElsewhere, priority: number): number =>
  Object.values(elsewhere).reduce((sum, { retired }) => sum + (retired[priority] ?? 0), 0);

/**
 * Another far side is the present one from now on.
 *
 * @param lanes delivered positions by lane, wherever they were delivered
 * @param retired delivered records of forgotten lanes by priority, wherever they were delivered
 */
export function changeFarSide(
  elsewhere: DeliveredElsewhere,
  { from, to }: { from: string; to: string },
  lanes: Readonly<Record<string, RangeSet>>,
  retired: readonly number[],
): DeliveredElsewhere {
  const own = Object.entries(lanes).flatMap(([lane, delivered]): [string, RangeSet][] => {
    const rest = subtract(delivered, elsewhereIn(elsewhere, lane));
    return rest.length > 0 ? [[lane, rest]] : [];
  });
  const left: Acknowledged = {
    lanes: Object.fromEntries(own),
    retired: retired.map((count, priority) => count - retiredElsewhere(elsewhere, priority)),
  };
  const others = Object.entries(elsewhere).filter(([id]) => id !== to && id !== from);
  return Object.fromEntries(foldOldest([...others, [from, left]]));
}

function foldOldest(sides: [string, Acknowledged][]): [string, Acknowledged][] {
  const [first, second, ...rest] = sides;
  if (sides.length <= MAX_FAR_SIDES || !first || !second) return sides;
  const lanes: Record<string, RangeSet> = { ...first[1].lanes };
  for (const [lane, ranges] of Object.entries(second[1].lanes)) lanes[lane] = addRanges(lanes[lane] ?? [], ranges);
  const retired = second[1].retired.map((count, priority) => count + (first[1].retired[priority] ?? 0));
  return foldOldest([[second[0], { lanes, retired }], ...rest]);
}

/** A lane is forgotten: only the number of its records stays. */
export function forgetLane(elsewhere: DeliveredElsewhere, lane: string, priority: number): DeliveredElsewhere {
  return Object.fromEntries(
    Object.entries(elsewhere).map(([id, side]): [string, Acknowledged] => {
      const { [lane]: gone, ...lanes } = side.lanes;
      if (gone === undefined) return [id, side];
      return [
        id,
        { lanes, retired: side.retired.map((count, at) => (at === priority ? count + countOf(gone) : count)) },
      ];
    }),
  );
}
