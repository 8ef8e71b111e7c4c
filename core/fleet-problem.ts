/** A problem of a fleet file that the schema alone cannot see. `path` leads to the offending node of the file. */
export interface FleetProblem {
  path: (string | number)[];
  message: string;
}
