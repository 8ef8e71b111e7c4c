import type { DeadLetterReason } from './lane-fates.ts';
import type { ReadingRefusal } from './reading.ts';

/** Why something did not go on, in words that end a sentence, and what an operator can do. */
export interface Advice {
  because: string;
  todo: string;
}

const LOOK = 'headwater quarantine list shows them';

export const REFUSAL_ADVICE: Readonly<Record<ReadingRefusal, Advice>> = {
  unparsable: { because: 'the input could not be read', todo: `${LOOK}; correct the device or the source's format` },
  'unknown-device': {
    because: 'no device group of the node names their device',
    todo: `${LOOK}; add the device to the fleet file`,
  },
  'unknown-stream': {
    because: 'the device group does not have their stream',
    todo: `${LOOK}; add the stream to the device group`,
  },
  'unknown-topic': {
    because: "their MQTT topic does not fit the source's pattern",
    todo: `${LOOK}; correct the device or the source's topic`,
  },
  'not-its-own': {
    because: 'a client published for another device than its certificate names',
    todo: `${LOOK}; find out who publishes there`,
  },
  'wrong-kind': {
    because: 'they were of another kind than the stream is declared as',
    todo: `${LOOK}; correct the device, or the kind of the stream`,
  },
  'not-a-number': {
    because: 'they were no numbers, and the stream is one of numbers',
    todo: `${LOOK}; correct the device, or the kind of the stream`,
  },
  'not-finite': { because: 'they were not finite (NaN, infinite)', todo: `${LOOK}; a sensor may be broken` },
  'not-exact': {
    because: 'they were integers beyond 2^53, which no number here holds exactly',
    todo: `${LOOK}; declare the stream as text`,
  },
  'no-value': { because: 'they had no value', todo: `${LOOK}; look at the device` },
  'no-time': { because: 'their time could not be read', todo: `${LOOK}; look at the device's format of times` },
  'absurd-time': {
    because: "their time lay before 2000, or more than 24 hours ahead of the node's clock",
    todo: `${LOOK}; set the clock of the device, or of the node`,
  },
  'too-large': { because: 'they were larger than a record may be', todo: `${LOOK}; let the device send less at once` },
  'journal-full': {
    because: 'the journal was full, and nothing less important was left to make room',
    todo: 'restore the link, or give the node a larger journal.maxBytes',
  },
  'journal-failed': { because: 'the disk of the node refused to write', todo: 'look at the disk of the node' },
};

export const DEAD_LETTER_ADVICE: Readonly<Record<DeadLetterReason, Advice>> = {
  'no-answer': {
    because: 'the far side answered others sent later, but never them',
    todo: "look at the far side's log for what became of them",
  },
  'identity-conflict': {
    because: 'the far side has other records under their identity',
    todo: "find out whether the node's disk or its name is used twice",
  },
  undecodable: { because: 'the far side could not read them', todo: 'bring node and far side to one release' },
  'unsupported-version': {
    because: 'the far side does not know their format',
    todo: 'bring node and far side to one release',
  },
  'too-large': {
    because: 'they were larger than an envelope may be, or than the far side takes',
    todo: 'bring node and far side to one release',
  },
  'not-allowed': {
    because: 'the far side does not take records of this node',
    todo: 'name the node in the fleet file of the far side',
  },
  'kills-handler': {
    because: 'the far side broke off whenever it handled them',
    todo: "report it with the far side's log",
  },
  'too-fragmented': {
    because: "the far side's index of the node has too many pieces",
    todo: 'let the node deliver what waits first',
  },
  'too-many-epochs': {
    because: 'the node has opened its journal more often than the far side keeps track of',
    todo: 'find out why the node restarts so often',
  },
};
