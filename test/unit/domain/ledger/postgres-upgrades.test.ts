import { readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import {
  forgetUpgrade,
  formerDefinition,
  noteUpgrade,
  type PostgresUpgrade,
  readUpgrades,
  recordUpgrade,
  retainedCluster,
} from '../../../../lib/domain/ledger/postgres-upgrades.ts';
import type { Definition } from '../../../../lib/tools/docker/definition.ts';
import { testOps } from '../../../support/ops.ts';

const entry = (run: string): PostgresUpgrade => ({
  version: 1,
  at: '2026-01-02T03:04:05.000Z',
  run,
  inUse: 'to',
  from: { major: '15', volume: 'old', systemIdentifier: '1' },
  to: { major: '18', volume: 'new', systemIdentifier: '2' },
  image: 'postgres:before-20260102T030405Z',
  backup: '/backups/one',
});
const DEFINITION: Definition = {
  Id: 'a',
  Name: '/postgres',
  Image: 'sha256:b',
  Config: { Image: 'postgres:15', Env: ['POSTGRES_PASSWORD=x'] },
  HostConfig: { NetworkMode: 'net' },
  Mounts: [],
  NetworkSettings: { Networks: {} },
};

it('keeps what an upgrade put aside, for its owner alone; one that is damaged is no way back', async () => {
  const { paths } = testOps(() => undefined);
  const [first, second] = [entry('20260102T030405Z-upgrade-postgres'), entry('20260103T030405Z-upgrade-postgres')];
  await recordUpgrade(paths, first, DEFINITION);
  await recordUpgrade(paths, second, DEFINITION);
  expect(readUpgrades(paths)).toEqual([first, second]);
  expect(formerDefinition(paths, second)).toMatchObject({ Config: DEFINITION.Config });
  const dir = path.join(path.dirname(paths.backups), 'postgres-upgrades');
  for (const name of readdirSync(dir)) expect(statSync(path.join(dir, name)).mode & 0o077, name).toBe(0);
  writeFileSync(path.join(dir, `${first.run}.json`), '{"version": 1');
  writeFileSync(path.join(dir, `${second.run}.container.json`), '{}');
  expect(readUpgrades(paths)).toEqual([second]);
  expect(formerDefinition(paths, second)).toBeUndefined();
  forgetUpgrade(paths, second);
  expect(readUpgrades(paths)).toEqual([]);
});

it('knows which of both clusters is not in use', async () => {
  const { paths } = testOps(() => undefined);
  const one = entry('20260102T030405Z-upgrade-postgres');
  await recordUpgrade(paths, one, DEFINITION);
  expect(retainedCluster(one).volume).toBe('old');
  await noteUpgrade(paths, { ...one, inUse: 'from' });
  expect(readUpgrades(paths).map((u) => retainedCluster(u).volume)).toEqual(['new']);
});
