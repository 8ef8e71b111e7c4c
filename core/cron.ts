/** The five fields of cron, in UTC: minute, hour, day of month, month, day of week (0 or 7 = Sunday). */
export interface Cron {
  minutes: readonly number[];
  hours: readonly number[];
  days: readonly number[];
  months: readonly number[];
  weekdays: readonly number[];
  /** As cron has it: if both are restricted, one of them is enough. */
  eitherDay: boolean;
}

const FIELDS = [
  { name: 'minute', from: 0, to: 59 },
  { name: 'hour', from: 0, to: 23 },
  { name: 'day of month', from: 1, to: 31 },
  { name: 'month', from: 1, to: 12 },
  { name: 'day of week', from: 0, to: 7 },
] as const;
const PART = /^(\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/;

/** The schedule, or what is wrong with the text. Numbers, `*`, lists, ranges and steps; no names. */
export function parseCron(text: string): Cron | string {
  const fields = text.trim().split(/\s+/);
  if (fields.length !== FIELDS.length) return `${fields.length} fields, expected 5: minute hour day month weekday`;
  const parsed = fields.map((field, at) => parseField(field, FIELDS[at]!));
  const problem = parsed.find((one) => typeof one === 'string');
  if (typeof problem === 'string') return problem;
  const [minutes, hours, days, months, weekdays] = parsed as number[][];
  return {
    minutes: minutes!,
    hours: hours!,
    days: days!,
    months: months!,
    weekdays: [...new Set(weekdays!.map((day) => day % 7))],
    eitherDay: fields[2] !== '*' && fields[4] !== '*',
  };
}

function parseField(field: string, { name, from, to }: (typeof FIELDS)[number]): number[] | string {
  const values = new Set<number>();
  for (const part of field.split(',')) {
    const match = PART.exec(part);
    const first = match?.[2] === undefined ? from : Number(match[2]);
    const last =
      match?.[3] !== undefined ? Number(match[3]) : match?.[1] === '*' || match?.[4] !== undefined ? to : first;
    const step = Number(match?.[4] ?? 1);
    if (!match || first < from || last > to || first > last || step < 1) {
      return `${name} "${part}", expected *, a number, a range or a step within ${from}-${to}`;
    }
    for (let value = first; value <= last; value += step) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

const MINUTE = 60_000;
const DAY = 86_400_000;
/** The 29th of February comes again within eight years. */
const MAX_DAYS = 8 * 366;

/** The first minute of the schedule after a time, both ms since 1970 UTC; undefined if there is none. */
export function nextCron(cron: Cron, afterMs: number): number | undefined {
  const firstMs = (Math.floor(afterMs / MINUTE) + 1) * MINUTE;
  const firstDay = Math.floor(firstMs / DAY) * DAY;
  for (let day = firstDay; day < firstDay + MAX_DAYS * DAY; day += DAY) {
    if (!isDay(cron, new Date(day))) continue;
    for (const hour of cron.hours) {
      for (const minute of cron.minutes) {
        const at = day + (hour * 60 + minute) * MINUTE;
        if (at >= firstMs) return at;
      }
    }
  }
  return undefined;
}

function isDay({ days, months, weekdays, eitherDay }: Cron, date: Date): boolean {
  const ofMonth = days.includes(date.getUTCDate());
  const ofWeek = weekdays.includes(date.getUTCDay());
  return months.includes(date.getUTCMonth() + 1) && (eitherDay ? ofMonth || ofWeek : ofMonth && ofWeek);
}
