/** What waits of several members, handed out so that each gets an equal part of the bytes. */
export interface FairQueue<T> {
  /** @param cost bytes, or whatever is to be shared; more than 0 */
  push(member: string, cost: number, item: T): void;
  /** Who is next, or undefined if nothing waits. Asking twice gives the same. */
  peek(): { cost: number } | undefined;
  take(): { member: string; cost: number; item: T } | undefined;
  /** Takes out everything of one member. */
  remove(member: string): T[];
  /** How many items wait. */
  readonly size: number;
}

interface Member<T> {
  name: string;
  /** What it may take before the others have their turn. */
  credit: number;
  hasTurn: boolean;
  items: { cost: number; item: T }[];
  /** Items before this are taken. */
  first: number;
}

/** About one full TCP burst: small enough that nobody waits long, large enough that turns are few. */
const QUANTUM = 16 * 1024;

/**
 * Deficit round robin (Shreedhar and Varghese 1995): in its turn a member may take so much, and what it leaves of that
 * because its next item is larger is kept for its next turn. In the order of its calls within a member; constant work
 * an item.
 *
 * @param quantum how much a turn is worth. @default 16 KiB
 */
export function createFairQueue<T>(quantum: number = QUANTUM): FairQueue<T> {
  const members = new Map<string, Member<T>>();
  /** Members with something waiting; the first has its turn. */
  const ring: Member<T>[] = [];
  let size = 0;

  function push(name: string, cost: number, item: T): void {
    let member = members.get(name);
    if (!member) {
      member = { name, credit: 0, hasTurn: false, items: [], first: 0 };
      members.set(name, member);
      ring.push(member);
    }
    member.items.push({ cost, item });
    size += 1;
  }

  /** Turns the ring until its first member can pay for its next item. */
  function turn(): Member<T> | undefined {
    for (let member = ring[0]; member !== undefined; member = ring[0]) {
      if (!member.hasTurn) {
        member.hasTurn = true;
        member.credit += quantum;
      }
      if (member.credit >= costOf(member)) return member;
      member.hasTurn = false;
      ring.push(ring.shift()!);
    }
    return undefined;
  }

  function take(): { member: string; cost: number; item: T } | undefined {
    const member = turn();
    if (!member) return undefined;
    const { cost, item } = member.items[member.first]!;
    member.credit -= cost;
    member.first += 1;
    size -= 1;
    if (member.first === member.items.length) {
      // Who has nothing waiting saves nothing up.
      members.delete(member.name);
      ring.shift();
    } else if (member.first > 1_000 && member.first * 2 > member.items.length) {
      member.items.splice(0, member.first);
      member.first = 0;
    }
    return { member: member.name, cost, item };
  }

  return {
    push,
    take,
    peek: () => {
      const member = turn();
      return member && { cost: costOf(member) };
    },
    remove(name) {
      const member = members.get(name);
      if (!member) return [];
      members.delete(name);
      ring.splice(ring.indexOf(member), 1);
      const items = member.items.slice(member.first).map(({ item }) => item);
      size -= items.length;
      return items;
    },
    get size() {
      return size;
    },
  };
}

const costOf = <T>({ items, first }: Member<T>): number => items[first]!.cost;
