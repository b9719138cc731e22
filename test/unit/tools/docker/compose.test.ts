import { expect, it } from 'vitest';
import {
  build,
  compose,
  composeVersion,
  config,
  createTemplate,
  hashOf,
  pull,
  runDetached,
} from '../../../../lib/tools/docker/compose.ts';

const target = { dir: '/opt/whalefall', composeFile: 'docker-compose.prod.yml' };
const BASE = [
  'docker',
  'compose',
  '-f',
  '/opt/whalefall/docker-compose.prod.yml',
  '--project-directory',
  '/opt/whalefall',
];

it('asks for the version of the plugin', () => {
  expect(composeVersion()).toMatchObject({ argv: ['docker', 'compose', 'version', '--short'], effect: 'read' });
});

it('names file and directory, whatever the current directory', () => {
  expect(compose(target, ['ps'], 'read').argv).toEqual([...BASE, 'ps']);
  expect(compose({ ...target, composeFile: '/etc/c.yml' }, [], 'read').argv[3]).toBe('/etc/c.yml');
  expect(config(target, '/tmp/whalefall').argv).toEqual([
    ...BASE.slice(0, 4),
    '--project-directory',
    '/tmp/whalefall',
    'config',
    '--format',
    'json',
  ]);
  const both = { ...target, composeFiles: ['docker-compose.prod.yml', 'more.yml'] };
  expect(compose(both, ['ps'], 'read').argv).toEqual([
    ...BASE.slice(0, 4),
    ...['-f', '/opt/whalefall/more.yml'],
    ...BASE.slice(4),
    'ps',
  ]);
  expect(config(target)).not.toHaveProperty('projectDirectory');
});

it('only looks at config', () => {
  expect(config(target)).toMatchObject({ effect: 'read', argv: [...BASE, 'config', '--format', 'json'] });
  expect(hashOf(target, '*', '{}')).toMatchObject({
    effect: 'read',
    argv: ['docker', 'compose', '-f', '-', ...BASE.slice(4), 'config', '--hash', '*'],
    input: '{}',
  });
});

it('builds with arguments by name, for as long as it takes', () => {
  const command = build(target, 'whalefall', ['HTTP_PROXY', 'no_proxy']);
  expect(command.argv).toEqual([...BASE, 'build', '--build-arg', 'HTTP_PROXY', '--build-arg', 'no_proxy', 'whalefall']);
  expect(command).toMatchObject({ effect: 'change', deadlineMs: 7_200_000 });
  expect(build(target, 'whalefall').argv).toEqual([...BASE, 'build', 'whalefall']);
});

it('pulls what it is told to', () => {
  expect(pull(target, ['postgres', 'redis'])).toMatchObject({
    argv: [...BASE, 'pull', '--quiet', 'postgres', 'redis'],
    effect: 'change',
  });
});

it('makes a container for a project on stdin, of images that are here, and can’t lose data by a flag', () => {
  const { argv, ...command } = createTemplate(target, 'prod', 'whalefall-template', '{"services":{}}');
  const up = ['up', '--no-start', '--no-deps', '--no-build', '--pull', 'never', 'whalefall-template'];
  expect(argv).toEqual(['docker', 'compose', '-p', 'prod', '-f', '-', ...BASE.slice(4), ...up]);
  expect(command).toMatchObject({ effect: 'change', input: '{"services":{}}' });
});

it('starts a one-off with a program of its own, variables by name', () => {
  const command = runDetached(target, 'whalefall', {
    name: 'wf-one-off',
    argv: ['sh', '-c', 'echo "$A" --b'],
    env: { PGOPTIONS: '-c lock_timeout=5s' },
    text: '{"services":{}}',
  });
  expect(command.argv).toEqual([
    ...['docker', 'compose', '-f', '-', ...BASE.slice(4)],
    ...['run', '-d', '--no-deps', '-T', '--name', 'wf-one-off', '-e', 'PGOPTIONS', '--entrypoint', 'sh', 'whalefall'],
    ...['-c', 'echo "$A" --b'],
  ]);
  expect(command).toMatchObject({
    effect: 'change',
    env: { PGOPTIONS: '-c lock_timeout=5s' },
    input: '{"services":{}}',
  });
  expect(runDetached(target, 'a', { name: 'n', argv: ['sleep', '9'], text: '' })).not.toHaveProperty('env');
});
