import type { ForwardLimits } from '../core/forward/settings.ts';
import type { NodePlan } from '../core/node-plan.ts';
import type { ClockState } from '../core/reading.ts';
import { createSeededRandom } from '../core/seeded-random.ts';
import { type EdgeNode, startEdgeNode } from '../edge/node.ts';
import type { PullRequest } from '../greengrass-components/sense/pull.ts';
import { createJournal } from '../journal/journal.ts';
import type { Commit, Journal, JournalOpening } from '../journal/journal-port.ts';
import { newestHead } from './bit-rot.ts';
import { byteCodec } from './byte-codec.ts';
import { wrongEviction } from './check-fates.ts';
import { keptIn } from './found.ts';
import type { Decision, ModelRecord } from './model-state.ts';
import type { NodeModel } from './node-model.ts';
import { createPuller } from './puller.ts';
import { createSealCheck } from './seal-check.ts';
import type { SourceDriver } from './source-driver.ts';
import { changeState, createVirtualClock, stateBefore, type VirtualWallClock } from './virtual-clock.ts';
import type { VirtualDisk } from './virtual-disk.ts';
import { createVirtualKeyFile, type VirtualKeyFile } from './virtual-keys.ts';
import type { VirtualLink } from './virtual-network.ts';
import { uplinkTo } from './virtual-uplinks.ts';
import { createWatchedLog } from './watched-log.ts';
import { type Life, never, type World } from './world.ts';

/** A machine with a node on it that starts, stops and dies. */
export interface VirtualNode {
  readonly plan: NodePlan;
  readonly model: NodeModel;
  readonly disk: VirtualDisk;
  readonly keyFile: VirtualKeyFile;
  /** To each of its far sides, in order of preference. */
  readonly links: readonly VirtualLink[];
  readonly wall: VirtualWallClock;
  /** Logs that bit rot has hit. */
  readonly rotted: Set<'records' | 'forward'>;
  /** Whom it delivered to last, as its process found it at the start. */
  farSideAtStart(): string | undefined;
  /** A process is starting or stopping. */
  inBetween(): boolean;
  /** The process, once it is up; undefined while there is none. */
  running(): EdgeNode | undefined;
  /** @param power the machine loses power; otherwise only the process dies and what was written stays */
  crash(power: boolean): void;
  /** The process ends in good order, then comes back. */
  stop(): void;
  start(): void;
  /** An operator lets records travel that stayed local; nothing if there is no process. */
  pull(request: PullRequest): Promise<void>;
  crashes(): number;
  starts(): number;
  meanDownMs: number;
  /** How old a record is, and by how much its node may be wrong about it: a clock that lied while it was down. */
  ageOf(record: ModelRecord): { ageMs: number; doubtMs: number };
  /** Called when the node has died: more goes wrong then. */
  onDeath: () => void;
  /** Called with the process that has just ended in good order: what it gave up last shows only in it. */
  onStopped: (last: EdgeNode) => void;
}

export interface VirtualNodeParts {
  plan: NodePlan;
  limits: ForwardLimits;
  model: NodeModel;
  disk: VirtualDisk;
  links: readonly VirtualLink[];
  wall: VirtualWallClock;
  drivers: readonly SourceDriver[];
  meanDownMs: number;
}

export function createVirtualNode(world: World, parts: VirtualNodeParts): VirtualNode {
  const { plan, model, disk, links, wall, drivers } = parts;
  const { dice } = world;
  let life: Life = { alive: false };
  let running: EdgeNode | undefined;
  let crashes = 0;
  let starts = 0;
  let farSideAtStart: string | undefined;
  let writing: Decision | undefined;
  const keyFile = createVirtualKeyFile(world, plan.node, disk);
  const checkSeals = createSealCheck(world, plan.node);

  disk.onWrite = (place, bytes) => {
    checkSeals(place.file, bytes);
    // What is at the very beginning is a head.
    if (writing && place.file.startsWith('records-') && place.from > 0) writing.place = place;
  };

  const node: VirtualNode = {
    plan,
    model,
    disk,
    keyFile,
    links,
    wall,
    rotted: new Set(),
    farSideAtStart: () => farSideAtStart,
    meanDownMs: parts.meanDownMs,
    onDeath: () => undefined,
    onStopped: () => undefined,
    ageOf({ takenMs }) {
      const offsets = wall.offsetsMs;
      const lied = offsets.length > 1 || wall.skewed === true;
      const doubtMs = lied ? Math.max(...offsets) - Math.min(...offsets) + world.now() / 500 : 0;
      return { ageMs: world.now() - takenMs, doubtMs };
    },
    inBetween: () => life.alive && running === undefined,
    running: () => running,
    crashes: () => crashes,
    starts: () => starts,
    crash(power) {
      if (!life.alive) return;
      crashes++;
      world.note(`${plan.node} ${power ? 'loses power' : 'is killed'}`);
      world.reached(power ? 'node: power cut' : 'node: process killed');
      end();
      if (power) disk.powerCut();
      else disk.processEnds();
      node.onDeath();
      restartLater();
    },
    stop() {
      const stopping = running;
      if (!stopping) return;
      running = undefined;
      const own = life;
      world.reached('node: stopped in good order');
      world.note(`${plan.node} stops`);
      const gone = (): void => {
        if (!own.alive) return;
        world.note(`${plan.node} stopped`);
        node.onStopped(stopping);
        end();
        disk.processEnds();
        restartLater();
      };
      stopping.stop(dice.int(0, 10_000)).then(gone, gone);
    },
    start,
    pull: (request) => puller.pull(request),
  };

  const puller = createPuller(world, node, model, () => !node.rotted.has('records'));

  /** Nothing of this process happens any more. */
  function end(): void {
    life.alive = false;
    running = undefined;
    writing = undefined;
    model.crash();
    puller.crash();
  }

  function decisionOf(commit: Commit, clock: ClockState): Decision {
    const border = { clockOffsetMs: commit.clockOffsetMs, clock, clockBefore: stateBefore(world, wall) };
    const asked = puller.asked();
    if (!asked || !('pulled' in commit.state)) return model.take(border, commit.state);
    const { decision, problem } = model.takePull(border, commit, asked);
    if (problem !== undefined) world.fail('what stayed local is pulled once', `${plan.node}: ${problem}`);
    return decision;
  }

  function rotateLater(own: Life, journal: Journal): void {
    const rotated = (): void => world.note(`${plan.node} has other keys`);
    const failed = (error: Error): void => world.note(`${plan.node} could not change its keys: ${error.message}`);
    const rotate = (): void => {
      world.reached('node: keys rotated');
      journal.rotateKeys().then(rotated, failed);
    };
    world.after(dice.waitMs(30_000), `${plan.node} rotates its keys`, rotate, own);
  }

  function restartLater(): void {
    world.after(dice.waitMs(node.meanDownMs), `${plan.node} starts`, start);
  }

  function start(): void {
    if (life.alive) return;
    const own: Life = { alive: true };
    life = own;
    starts++;
    if (dice.chance(0.2)) changeState(world, wall, 'unsynced');
    const clock = createVirtualClock(world, wall, own, plan.node);
    const logger = createWatchedLog(world, plan.node, own);
    model.starting(newestHead(disk));
    const crash = (): void => node.crash(dice.chance(0.7));
    const random = createSeededRandom(dice.u64());
    const keys = keyFile.ringOf(own, crash, random);
    let opening: JournalOpening | undefined;
    const inner = createJournal(
      { disk: disk.portOf(own, crash), clock, random, logger, keys: keys.ring },
      plan.journal,
    );
    const journal: Journal = puller.watch({
      ...inner,
      async open() {
        await keys.ready;
        opening = await inner.open();
        farSideAtStart = opening.fates.farSide;
        return opening;
      },
      async read(request) {
        const result = await inner.read(request);
        const { epoch, lane, from, leaseMs = 0 } = request;
        if (own.alive) model.lent(epoch, lane, { from, to: result.to }, world.now() + leaseMs);
        return result;
      },
      async release(ranges) {
        await inner.release(ranges);
        for (const { epoch, lane, ...range } of ranges) {
          if (own.alive) model.returned(epoch, lane, range, world.now());
        }
        world.reached('journal: leases given back');
      },
      async append(commit) {
        if (!own.alive) return never();
        const sinceMs = world.now();
        const decision = decisionOf(commit, clock.state());
        writing = decision;
        const result = await inner.append(commit);
        if (!own.alive) return never();
        writing = undefined;
        world.note(`${plan.node} commit ${result.ok ? 'done' : result.reason}`);
        const lanes = running?.inspect().state.lanes ?? [];
        const wrong = wrongEviction(node, lanes, { commit, evicted: result.evicted, sinceMs });
        if (wrong !== undefined) world.fail('what matters least goes first', `${plan.node}: ${wrong}`);
        for (const { fate } of result.evicted) world.reached(`journal: records ${fate} to make room`);
        const bytes = commit.lanes.reduce((sum, lane) => sum + lane.bytes.length, 0);
        const tooLarge = bytes > plan.journal.maxBytes / 16;
        if (decision.turnedAway && result.ok)
          world.reached(`journal: only lanes before ${decision.turnedAway.from} found room`);
        for (const problem of model.settle(decision, result, tooLarge))
          world.fail('a commit holds what was kept', problem);
        return result;
      },
    });
    let created = 0;
    startEdgeNode(
      {
        journal,
        uplink: uplinkTo(links, plan, own, { clock, random, logger }),
        codec: byteCodec,
        clock,
        random,
        quarantine: { put: () => undefined },
        logger,
        createSource: () => drivers[created++]!.sourceOf(own, clock),
      },
      plan,
      parts.limits,
    ).then(
      (up) => {
        if (!own.alive) return;
        const positions = new Map(plan.sources.map(({ name }, at) => [name, drivers[at]!.startedAt()]));
        const { epoch, damages, state } = opening!;
        const found = { positions, ledger: up.inspect().readings, ...keptIn(state), damages };
        const problems = model.restarted(epoch, found);
        if (problems.length > 0) {
          world.fail('after a restart the node knows what was committed', `${plan.node}: ${shortest(problems)}`);
        }
        world.note(`${plan.node} is up, epoch ${epoch}, damages ${damages}`);
        running = up;
        for (const driver of drivers) driver.go();
        if (dice.chance(0.3)) rotateLater(own, journal);
      },
      (error: Error & { code?: string }) => {
        if (!own.alive) return;
        if (error.code === undefined || error.code.startsWith('ERR_'))
          world.fail('a node starts unless the disk fails', `${plan.node}: ${error.stack}`);
        world.reached('node: start failed');
        world.note(`${plan.node} could not start: ${error.message}`);
        end();
        disk.processEnds();
        restartLater();
      },
    );
  }

  return node;
}

/** Of the accounts that the node's own could be, the one that is nearest to it. */
const shortest = (accounts: readonly string[]): string =>
  accounts.reduce((best, text) => (text.length < best.length ? text : best));
