import { expect, it } from 'vitest';
import { differences } from '../../../../lib/flows/apply-env/steps.ts';
import type { Definition } from '../../../../lib/tools/docker/definition.ts';

const defined = (Config: object, HostConfig: object = {}) => ({ Config, HostConfig }) as Definition;

it('names what of a container differs, also what only one of both has: variables, and the parts of both configurations', () => {
  const same = { Image: 'a', Hostname: 'b', Labels: {}, User: 'app' };
  const former = defined({ ...same, Env: ['A=1', 'B=1'], StopTimeout: 5 }, { Memory: 1, Init: true });
  const next = defined(
    { ...same, Image: 'c', Hostname: 'd', Env: ['A=2', 'C=1'], Healthcheck: { Test: ['NONE'] } },
    { Memory: 1, ReadonlyRootfs: true },
  );
  expect(differences(former, next)).toEqual(['A', 'B', 'C', 'StopTimeout', 'Healthcheck', 'Init', 'ReadonlyRootfs']);
  expect(differences(former, former)).toEqual([]);
});
