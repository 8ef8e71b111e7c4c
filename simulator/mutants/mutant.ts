/** A bug planted on purpose: `find` occurs exactly once in the file, so that a mutant cannot rot unnoticed. */
export interface Mutant {
  name: string;
  file: string;
  find: string;
  replace: string;
  /** Kinds of fault (focus.ts) without which it seldom shows: it is caught without them too, only later. */
  focus?: string;
  /** Needs so many seeds that it is only run by its name: `npm run simulate:mutants -- NAME`. */
  seldom?: true;
}
