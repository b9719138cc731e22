import { expect, it } from 'vitest';
import { logFiles, logsOfContainer, timeIn } from '../../../lib/adhoc/logs.ts';
import type { Container } from '../../../lib/tools/docker/containers.ts';
import { testOps } from '../../support/ops.ts';

const container = { id: 'abc', name: 'app' } as Container;
const at = Date.parse('2026-01-02T03:04:05Z');

it.each([
  ['nginx access', '1.2.3.4 - - [02/Jan/2026:11:04:05 +0800] "GET / HTTP/1.1" 200', at],
  ['nginx error', '2026/01/02 03:04:05 [error] 44#44: connect() failed', at],
  ['gunicorn', '[2026-01-02 11:04:05 +0800] [42] [INFO] Booting worker', at],
  ['supervisord', '2026-01-02 03:04:05,250 INFO success', at + 250],
  ['JSON', '{"level": "info", "timestamp": "2026-01-02T03:04:05.5Z"}', at + 500],
  ['PostgreSQL', '2026-01-02 03:04:05.123 UTC [1] LOG:  ready', at + 123],
  ['a line of a traceback', '  File "app.py", line 7, in <module>', undefined],
  ['what is no time', 'took 2026-99-99 99:99:99', undefined],
])('finds the time of %s', (_, line, time) => expect(timeIn(line, '+0000')).toBe(time));

it('takes the container’s zone for a time without one', () => {
  expect(timeIn('2026-01-02 11:04:05,000 INFO', '+0800')).toBe(at);
});

it('keeps a traceback behind its first line, and few lines of a file without times', async () => {
  const ops = testOps((call) => {
    const token = call.argv.at(-3);
    const part = (changed: number, file: string, lines: string[]) =>
      `\n${token} ${changed} ${file}\n${lines.join('\n')}\n`;
    const error = ['[2026-01-02 03:04:05 +0000] Exception', 'Traceback', '  boom', '[2026-01-02 03:04:07 +0000] next'];
    const beats = [1, 2, 3, 4, 5].map((n) => `beat ${n}`);
    return {
      stdout: `+0000\n${part(at / 1000, '/app/userdata/logs/gunicorn_error.log', error)}${part(at / 1000 + 9, '/var/log/beat.log', beats)}`,
    };
  });
  const lines = await logFiles(ops, container, 50);
  expect(lines.map((l) => `${l.at.slice(17, 19)} ${l.from} ${l.text}`)).toEqual([
    '05 gunicorn_error [2026-01-02 03:04:05 +0000] Exception',
    '05 gunicorn_error Traceback',
    '05 gunicorn_error   boom',
    '07 gunicorn_error [2026-01-02 03:04:07 +0000] next',
    '14 beat beat 3',
    '14 beat beat 4',
    '14 beat beat 5',
  ]);
});

it('reads what a container wrote on both streams', async () => {
  const ops = testOps(() => ({ stdout: '2026-01-02T03:04:05.123456789Z out\n', stderr: '2026-01-02T03:04:06Z err\n' }));
  expect(await logsOfContainer(ops, container, 'postgres', 5)).toEqual([
    { at: '2026-01-02T03:04:05.123Z', from: 'postgres', text: 'out' },
    { at: '2026-01-02T03:04:06.000Z', from: 'postgres', text: 'err' },
  ]);
  expect(ops.scripted.calls[0]?.argv).toEqual(['docker', 'logs', '-t', '--tail', '5', 'abc']);
});
