/** The maintenance page, for `scripts/maintenance.ts`. */
export { turnOff, turnOn } from './commands.ts';
export { keepOn } from './keep.ts';
export { showStatus } from './status.ts';
