import { compileOnce } from '../support/compiled.ts';

/** What the cases start again and again; a case of signals.test.ts starts it as the README has it. */
export const setup = (): (() => void) => compileOnce(['test/processes/stub.ts', 'test/processes/runs.ts']);
