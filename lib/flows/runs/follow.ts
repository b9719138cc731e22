import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { failed } from '../../core/refusal.ts';
import { same, type Text } from '../../core/text.ts';
import { type Run, readRun } from '../../domain/ledger/runs.ts';
import { diedText } from '../../runs/interrupted/messages.ts';
import { typed } from '../../runs/interrupted/ways.ts';

const LOOK_EVERY_MS = 300;

/**
 * Shows a run's log as it grows, until the run ends.
 *
 * @returns its verdict when it ended well.
 * @throws {OpsError} with the run's exit code when it did not; `failed` when its process is gone without a word.
 */
export async function follow(ops: Ops, name: string): Promise<Text> {
  const log = tail(path.join(readRun(ops.paths, name).dir, 'log'));
  try {
    for (;;) {
      const run = readRun(ops.paths, name); // before its log: what it said last is in there by then
      for (const line of log.more(run.state.kind !== 'running')) ops.screen.show({ event: 'info', text: same(line) });
      if (run.state.kind !== 'running') return verdictOf(run);
      await ops.clock.sleep(LOOK_EVERY_MS, ops.signal);
    }
  } finally {
    log.close();
  }
}

function verdictOf(run: Run): Text {
  const { state, name } = run;
  if (state.kind === 'ended') {
    if (state.exitCode === 0) return state.verdict;
    throw new OpsError({
      kind: 'failed',
      exitCode: state.exitCode,
      what: { en: `${name} ended with ${state.exitCode}`, zh: `${name} 以退出码 ${state.exitCode} 结束` },
    });
  }
  const resume = typed({ script: 'runs', args: ['resume', name] });
  throw failed(diedText(run), { en: `Finish it: ${resume}`, zh: `继续完成: ${resume}` });
}

/** A file's lines as they come; `all` also gives a last one without an end. */
function tail(file: string) {
  let fd: number | undefined;
  let at = 0;
  let rest = '';
  const decoder = new StringDecoder('utf8');
  return {
    more(all: boolean): string[] {
      if (fd === undefined && existsSync(file)) fd = openSync(file, 'r');
      if (fd === undefined) return [];
      const chunk = Buffer.alloc(Math.max(0, fstatSync(fd).size - at));
      const read = readSync(fd, chunk, 0, chunk.length, at);
      at += read;
      const lines = (rest + decoder.write(chunk.subarray(0, read))).split('\n');
      rest = lines.pop() ?? '';
      return all && rest !== '' ? [...lines, rest] : lines;
    },
    close: () => fd !== undefined && closeSync(fd),
  };
}
