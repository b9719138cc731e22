import { expect, it } from 'vitest';
import { socketsAt, socketsIn } from '../../../../lib/domain/hold/sockets.ts';
import { testOps } from '../../../support/ops.ts';

const line = (port: string, state: string, queues = '00000000:00000000') =>
  `   0: 00000000:${port} 0100007F:C350 ${state} ${queues} 00:00000000 00000000 0 0 1 1`;

it('counts who is connected and who waits to be taken, at the ports that are meant', () => {
  const tables = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    line('1F90', '0A', '00000000:00000003'),
    line('1F90', '01'),
    line('1F90', '08'),
    line('1F90', '06'), // its time-wait is nobody's any more
    line('1F91', '01'),
    '  sl  local_address                         remote_address                        st …',
    `   0: 00000000000000000000000000000000:1F90 00000000000000000000000001000000:C351 01 00000000:00000000 x`,
  ].join('\n');
  expect(socketsIn(tables, [8080])).toEqual({ queued: 3, open: 3 });
  expect(socketsIn('', [8080])).toEqual({ queued: 0, open: 0 });
});

it('looks at what there is where the kernel has no IPv6 and so no table of it', async () => {
  const ops = testOps(() => ({
    stdout: `${line('1F90', '01')}\n`,
    stderr: 'cat: /proc/net/tcp6: No such file or directory',
    exitCode: 1,
  }));
  expect(await socketsAt(ops, [8080])).toEqual({ queued: 0, open: 1 });
});
