/** The runs of a deploy directory, for `scripts/runs.ts`. */
export { findRun, leave, list, resume, show, undo } from './commands.ts';
export { follow } from './follow.ts';
export { listAsPage, report } from './report.ts';
