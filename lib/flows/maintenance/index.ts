/** The maintenance page, for `scripts/maintenance.ts`. */
export { showStatus, turnOff, turnOn } from './commands.ts';
export { keepOn } from './keep.ts';
