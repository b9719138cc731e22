import { expect, it } from 'vitest';
import { endedWell } from '../../../../lib/domain/hot-release/prove.ts';

const line = (pid: number, level: string, text: string) => `[2026-11-29 23:49:01 +0000] [${pid}] [${level}] ${text}\n`;
const exiting = line(258, 'INFO', 'Worker exiting (pid: 258)');

it.each([
  ['after max_requests', line(258, 'INFO', 'Autorestarting worker after current request.') + exiting, true],
  ['told by its master', exiting, true],
  ['well, after a request that failed', line(258, 'ERROR', 'Error handling request /x') + exiting, true],
  ['killed from outside', line(12, 'ERROR', 'Worker (pid:258) was sent SIGKILL! Perhaps out of memory?'), false],
  [
    'killed, as gunicorn 20.1 says it',
    line(12, 'WARNING', 'Worker with pid 258 was terminated due to signal 9'),
    false,
  ],
  ['without a word, as gunicorn 20.0 has it', line(12, 'INFO', 'Booting worker with pid: 300'), false],
  ['after its timeout', line(12, 'CRITICAL', 'WORKER TIMEOUT (pid:258)') + exiting, false],
  ['by an error', line(258, 'ERROR', 'Exception in worker process') + exiting, false],
  ['unknown to a log of nobody', line(12, 'INFO', 'Starting gunicorn'), true],
  ['another one', line(259, 'INFO', 'Worker exiting (pid: 259)'), false],
])('a worker that ended %s', (_how, log, isWell) => {
  expect(endedWell(log, 258, false)).toBe(isWell);
});

it('a worker of which a log of warnings says nothing ended well', () => {
  expect(endedWell('', 258, true)).toBe(true);
  expect(endedWell(line(12, 'WARNING', 'Worker with pid 258 was terminated due to signal 9'), 258, true)).toBe(false);
});
