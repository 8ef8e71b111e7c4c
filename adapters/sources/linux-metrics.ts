import { readFileSync, statfsSync } from 'node:fs';
import {
  type CpuCounters,
  cpuLoad,
  rounded,
  type SystemMetrics,
  type SystemSample,
  type TransferCounters,
  transferRates,
} from './system-metrics.ts';

/** What a sample of Linux is made from: the text of files under /proc and the root file system. */
export interface LinuxReaders {
  /** @param name such as `stat` or `net/dev`; '' = there is none */
  proc(name: string): string;
  /** In blocks. */
  rootFileSystem(): { blocks: number; bfree: number; bavail: number };
}

const REAL_READERS: LinuxReaders = {
  proc: (name) => {
    try {
      return readFileSync(`/proc/${name}`, 'latin1');
    } catch (error) {
      // Containers hide some of them: their streams have no readings then.
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      return '';
    }
  },
  rootFileSystem: () => statfsSync('/'),
};

/** Reads /proc itself: 0.05 ms and no processes, so it can be asked every second. */
export function createLinuxMetrics(readers: LinuxReaders = REAL_READERS): SystemMetrics {
  let before: { cpu: CpuCounters; transfers: TransferCounters } | undefined;
  return async (nowMs) => {
    const cpu = cpuCounters(readers.proc('stat'));
    const transfers: TransferCounters = {
      atMs: nowMs,
      ...diskCounters(readers.proc('diskstats')),
      ...networkCounters(readers.proc('net/dev')),
    };
    const rates = before ? { ...cpuLoad(before.cpu, cpu), ...transferRates(before.transfers, transfers) } : {};
    before = { cpu, transfers };
    return {
      ...rates,
      ...memoryUsed(readers.proc('meminfo')),
      ...diskUsed(readers.rootFileSystem()),
      'load-average': Number.parseFloat(readers.proc('loadavg')),
      uptime: rounded(Number.parseFloat(readers.proc('uptime')), 0),
    };
  };
}

/** proc_stat(5): user nice system idle iowait irq softirq steal; guest time is in user already. */
function cpuCounters(stat: string): CpuCounters {
  const [user, nice, system, idle, iowait, irq, softirq, steal] = numbersOf(lineOf(stat, 'cpu '));
  const busy = (user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0) + (steal ?? 0);
  return { busy, total: busy + (idle ?? 0) + (iowait ?? 0) };
}

/** Sectors of /proc/diskstats are 512 bytes, whatever the disk's own are. */
const SECTOR_BYTES = 512;
/** Layers over real disks: their traffic would count twice. */
const LAYERED_DISK = /^(?:loop|ram|zram|dm-|md|sr|fd)\d*/;

function diskCounters(diskstats: string): Pick<TransferCounters, 'diskRead' | 'diskWritten'> {
  if (diskstats === '') return { diskRead: Number.NaN, diskWritten: Number.NaN };
  const rows = rowsOf(diskstats).filter(([, , name]) => name !== undefined && !LAYERED_DISK.test(name));
  const names = rows.map(([, , name]) => name!);
  // sda1 and nvme0n1p1 are counted with sda and nvme0n1.
  const isPartition = (name: string): boolean =>
    names.some((disk) => disk !== name && name.startsWith(disk) && /^p?\d+$/.test(name.slice(disk.length)));
  const disks = rows.filter(([, , name]) => !isPartition(name!));
  return {
    diskRead: sum(disks, 5) * SECTOR_BYTES,
    diskWritten: sum(disks, 9) * SECTOR_BYTES,
  };
}

/** The loopback and the near ends of containers: their traffic stays inside, or passes a real card too. */
const INNER_INTERFACE = /^(?:lo|veth|docker|br-|virbr|cni|flannel|cali)/;

function networkCounters(netDev: string): Pick<TransferCounters, 'networkReceived' | 'networkSent'> {
  if (netDev === '') return { networkReceived: Number.NaN, networkSent: Number.NaN };
  const rows = netDev
    .split('\n')
    .filter((line) => line.includes(':'))
    .map((line) => line.replace(':', ' ').trim().split(/\s+/))
    .filter(([name]) => name !== undefined && !INNER_INTERFACE.test(name));
  return { networkReceived: sum(rows, 1), networkSent: sum(rows, 9) };
}

function memoryUsed(meminfo: string): SystemSample {
  const [total] = numbersOf(lineOf(meminfo, 'MemTotal:'));
  const [available] = numbersOf(lineOf(meminfo, 'MemAvailable:'));
  return total && available !== undefined ? { 'memory-used': rounded(100 * (1 - available / total), 1) } : {};
}

/** As `df` counts: of what an ordinary user may fill. */
function diskUsed({ blocks, bfree, bavail }: ReturnType<LinuxReaders['rootFileSystem']>): SystemSample {
  const used = blocks - bfree;
  return used + bavail > 0 ? { 'disk-used': rounded((100 * used) / (used + bavail), 1) } : {};
}

const lineOf = (text: string, start: string): string => text.split('\n').find((line) => line.startsWith(start)) ?? '';
const numbersOf = (line: string): number[] => (line.match(/\d+/g) ?? []).map(Number);
const rowsOf = (text: string): string[][] => text.split('\n').map((line) => line.trim().split(/\s+/));
const sum = (rows: string[][], column: number): number =>
  rows.reduce((total, row) => total + Number(row[column] ?? 0), 0);
