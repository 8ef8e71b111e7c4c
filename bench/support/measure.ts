import { CLAIMS } from './claims.ts';

/** A process of its own for one claim, so that no claim sees another's heap or compiled code. */
const id = process.argv[2];
const claim = CLAIMS.find((candidate) => candidate.id === id);
if (!claim) throw new Error(`no claim ${id}, there are ${CLAIMS.map((known) => known.id).join(', ')}`);
const section = await claim.run();
process.send?.(section, () => process.disconnect());
