import type { BudgetConfig } from '../budget-schema.ts';
import { nextCron, parseCron } from '../cron.ts';

/** Bytes sent and received in the current UTC day and month. JSON: it outlives the process. */
export interface Meter {
  /** `2026-01-31`; empty until a synchronised clock was seen. */
  day: string;
  dayBytes: number;
  monthBytes: number;
}
export const NEW_METER: Meter = { day: '', dayBytes: 0, monthBytes: 0 };

/** What a clock on the wall shows, ms since 1970, and whether it can be trusted. */
export interface WallTime {
  wallMs: number;
  synced: boolean;
}

/** What MQTT, TLS and TCP add to a payload, about. */
export const MESSAGE_OVERHEAD_BYTES = 100;

const DAY = 86_400_000;
const dayOf = (wallMs: number): string => new Date(wallMs).toISOString().slice(0, 10);
const monthOf = (day: string): string => day.slice(0, 7);

/**
 * The meter as of now; the same object while its day goes on. To be looked at whenever the clock is, not only when
 * something is sent: a budget that is used up may let nothing be sent.
 */
export function meterAt(meter: Meter, { wallMs, synced }: WallTime): Meter {
  // A machine that boots in 1970 would begin a day, and a budget, with each boot.
  if (!synced) return meter;
  const today = dayOf(wallMs);
  if (today === meter.day) return meter;
  // The first day that is known: what was counted before it may have been on it.
  if (meter.day === '') return { ...meter, day: today };
  if (today > meter.day) {
    return { day: today, dayBytes: 0, monthBytes: monthOf(today) === monthOf(meter.day) ? meter.monthBytes : 0 };
  }
  // Set back over midnight, a clock would begin the same day twice. Set back by more, it was wrong when the meter's day
  // began, and that day may be years ahead: nothing but critical would leave until then.
  return Date.parse(meter.day) - Date.parse(today) > DAY ? { ...meter, day: today } : meter;
}

/** The meter after so many more bytes. */
export function meterBytes(meter: Meter, bytes: number, wall: WallTime): Meter {
  const { day, dayBytes, monthBytes } = meterAt(meter, wall);
  return { day, dayBytes: dayBytes + bytes, monthBytes: monthBytes + bytes };
}

/** Which records may leave now, and until when that holds (wall clock, ms). */
export interface Gate {
  critical: boolean;
  others: boolean;
  untilMs: number;
  /** Why not all may. */
  closed: 'budget' | 'window' | undefined;
}

const OPEN: Gate = { critical: true, others: true, untilMs: Number.POSITIVE_INFINITY, closed: undefined };

/** Windows hold back all but critical records; a budget that is used up may hold back those as well. */
export function gateAt(budget: BudgetConfig, meter: Meter, wall: WallTime): Gate {
  const { wallMs } = wall;
  const spent = budgetGate(budget, meterAt(meter, wall), wallMs);
  const window = windowGate(budget.windows, wallMs);
  if (!spent.others)
    return { ...spent, untilMs: Math.min(spent.untilMs, window.others ? spent.untilMs : window.untilMs) };
  return window;
}

function budgetGate({ perDay, perMonth, whenUsedUp }: BudgetConfig, meter: Meter, wallMs: number): Gate {
  const monthUsed = perMonth !== undefined && meter.monthBytes >= perMonth;
  const dayUsed = perDay !== undefined && meter.dayBytes >= perDay;
  if (!monthUsed && !dayUsed) return OPEN;
  const untilMs = monthUsed ? nextMonth(wallMs) : (Math.floor(wallMs / DAY) + 1) * DAY;
  return { critical: whenUsedUp === 'only-critical', others: false, untilMs, closed: 'budget' };
}

function nextMonth(wallMs: number): number {
  const date = new Date(wallMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

function windowGate(windows: BudgetConfig['windows'], wallMs: number): Gate {
  if (windows.length === 0) return OPEN;
  let opensMs = Number.POSITIVE_INFINITY;
  let closesMs = Number.NEGATIVE_INFINITY;
  for (const { cron: text, for: lengthMs } of windows) {
    const cron = parseCron(text);
    if (typeof cron === 'string') throw new Error(`window "${text}": ${cron}`); // the schema let it pass
    const started = nextCron(cron, wallMs - lengthMs);
    if (started === undefined) continue;
    if (started <= wallMs) closesMs = Math.max(closesMs, started + lengthMs);
    else opensMs = Math.min(opensMs, started);
  }
  if (closesMs > wallMs) return { ...OPEN, untilMs: closesMs };
  return { critical: true, others: false, untilMs: opensMs, closed: 'window' };
}
