import { Console } from 'node:console';
import { Writable } from 'node:stream';
import type { Screen } from '../core/screen.ts';
import { same } from '../core/text.ts';

/**
 * Whoever writes ten lines at night writes `console.log`: it is shown like everything else, redacted, and not among JSON's lines.
 *
 * @returns what gives the console back.
 */
export function hearConsole(screen: Screen): () => void {
  const before = globalThis.console;
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      screen.show({ event: 'info', text: same(chunk.replace(/\n$/, '')) });
      done();
    },
  });
  globalThis.console = new Console({ stdout: stream, stderr: stream, colorMode: false });
  return () => {
    globalThis.console = before;
  };
}
