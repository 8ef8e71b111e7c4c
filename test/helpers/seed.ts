import fc from 'fast-check';

/**
 * Property tests draw from HEADWATER_SEED, a commit's hash in CI, so that a failure can be repeated; without it they
 * are the same at every run.
 */
const hash = process.env.HEADWATER_SEED ?? '1';
fc.configureGlobal({ seed: Number.parseInt(hash.slice(0, 7), 16) || 1 });
