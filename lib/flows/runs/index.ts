/** The runs of a deploy directory, for `scripts/runs.ts`. */
export { leave, list, resume, show, undo } from './commands.ts';
export { findRun } from './find.ts';
export { follow } from './follow.ts';
export { listAsPage, report } from './report.ts';
