/** Who is told how runs end, for `scripts/notify.ts`. */
export { channelsNamed } from './channels.ts';
export { list } from './list.ts';
export { test } from './test.ts';
