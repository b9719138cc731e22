import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { commitCode } from '../../../../lib/domain/images/code.ts';
import type { Container } from '../../../../lib/tools/docker/containers.ts';
import { testOps } from '../../../support/ops.ts';
import type { Call } from '../../../support/scripted-spawn.ts';

const LAYER = [
  { kind: 'C', file: '/app' },
  { kind: 'C', file: '/app/wsgi.py' },
  { kind: 'D', file: '/app/old.py' },
  { kind: 'A', file: '/app/userdata' },
  { kind: 'A', file: '/app/userdata/upload.csv' },
  { kind: 'D', file: '/app/userdata/was-in-the-image' },
  { kind: 'A', file: '/app/userdata.py' },
];

/** @param config the image's entrypoint and command. */
async function commit(config: string, fails = '') {
  const ops = testOps(({ argv: [program = '', command = '', ...words] }) => {
    if (fails && words.join(' ').includes(fails)) return { exitCode: 1, stderr: 'no space left on device' };
    if (program === 'curl') return { stdout: '{"Id":"helper"}201' };
    if (command === 'context') return { stdout: 'default\tunix:///var/run/docker.sock\n' };
    if (command === 'create') return { stdout: 'copy\n' };
    if (command === 'image' && words[0] === 'inspect') return { stdout: `${config}\n` };
    return words.includes('unpack') ? { stdout: 'null\n' } : {};
  });
  const container = { id: 'serving', imageId: 'sha256:its', state: 'running' } as Container;
  const ended = await commitCode(ops, container, LAYER, 'app:before').then(
    () => 'made',
    (error: Error) => error.message,
  );
  const of = (word: string) => ops.scripted.calls.find(({ argv }) => argv.includes(word));
  expect(readdirSync(ops.paths.run)).toEqual([]);
  return { ended, of, typed: ops.scripted.calls.map((c) => c.argv.join(' ')) };
}

const given = (call: Call | undefined) => {
  const [, args = '""'] = /^ARGS = json\.loads\((.*)\)$/m.exec(call?.input ?? '') ?? [];
  return JSON.parse(JSON.parse(args));
};

it('makes an image of the container’s own with the code that runs, and without userdata', async () => {
  const { ended, of, typed } = await commit('[null,["/start.sh"]]');
  expect(ended).toBe('made');
  const own = ['/app', '/app/wsgi.py', '/app/old.py', '/app/userdata.py'];
  expect(given(of('pack')).paths).toEqual(own);
  expect(given(of('unpack')).gone).toEqual(['/app/old.py']);
  expect(typed.filter((line) => line.includes(' commit ')).at(-1)).toMatch(/helper app:before$/);
  expect(typed.filter((line) => / rm /.test(line))).toEqual([
    'docker rm -f -v copy',
    expect.stringMatching(/^docker image rm whalefall-ops-copy:/),
    'docker rm -f -v helper',
  ]);
});

it.each<[string, object, string[]]>([
  ['[null,["/start.sh"]]', { Cmd: ['sleep', '86400'] }, ['CMD ["/start.sh"]']],
  ['[[],["/start.sh"]]', { Cmd: ['sleep', '86400'] }, ['CMD ["/start.sh"]']],
  ['[["/e"],null]', { Entrypoint: ['sleep'], Cmd: ['86400'] }, ['ENTRYPOINT ["/e"]', 'CMD []']],
])('leaves to the image what it starts: %s', async (config, command, changes) => {
  const { of } = await commit(config);
  const body = JSON.parse(of('--data-binary')?.input ?? '');
  expect(body).toEqual({
    Image: 'sha256:its',
    ...command,
    Labels: expect.anything(),
    HostConfig: { NetworkMode: 'none' },
  });
  const argv = of('app:before')?.argv ?? [];
  const marks = argv.flatMap((word, at) => (word === '--change' ? [argv[at + 1]] : []));
  // A helper's labels would have the next run remove it.
  expect(marks).toEqual([...changes, ...Object.keys(body.Labels).map((label) => `LABEL "${label}"=""`)]);
});

it.each(['pack', 'unpack', 'app:before', ':/whalefall'])('leaves nothing behind when %s fails', async (what) => {
  const { ended, typed } = await commit('[null,["/start.sh"]]', what);
  expect(ended).toContain('no space left');
  for (const made of what === 'pack' ? ['copy'] : ['copy', 'helper'])
    expect(typed).toContain(`docker rm -f -v ${made}`);
});
