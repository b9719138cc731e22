import { expect, it, vi } from 'vitest';
import { OpsError } from '../../../../lib/core/errors.ts';
import { proveAbsent, type SafeToDelete } from '../../../../lib/domain/backup/proofs.ts';
import { type Consent, confirmDestructive } from '../../../../lib/domain/data/consent.ts';
import { removeVolumes } from '../../../../lib/domain/data/remove-volumes.ts';
import { testOps } from '../../../support/ops.ts';
import type { Call, Reply } from '../../../support/scripted-spawn.ts';

const PHRASE = 'DELETE ALL DATA';
const volume = { name: 'shop_redis_data', createdAt: '2026-01-02T03:04:05Z', holder: 'redis-id' };

/** An engine with one volume and one stopped container that holds it. */
function engine(more: { holders?: string; after?: string } = {}) {
  let containers = true;
  return ({ argv }: Call): Reply | undefined => {
    const line = argv.join(' ');
    if (line === `docker volume inspect ${volume.name}`) {
      const createdAt = containers ? volume.createdAt : (more.after ?? volume.createdAt);
      return { stdout: JSON.stringify([{ CreatedAt: createdAt, Driver: 'local' }]) };
    }
    if (line.startsWith('docker inspect')) return { stdout: JSON.stringify([{ Type: 'volume', Name: volume.name }]) };
    if (line.startsWith('docker ps')) return { stdout: more.holders ?? 'redis-id\n' };
    if (line === 'docker rm -f -v redis-id') {
      containers = false;
      return {};
    }
    if (line === `docker volume rm ${volume.name}`) return {};
    return undefined;
  };
}

async function attempt(
  respond: ReturnType<typeof engine>,
  proofs: (ops: ReturnType<typeof testOps>) => Promise<[SafeToDelete, Consent]>,
) {
  const ops = testOps(respond);
  const [saved, consent] = await proofs(ops);
  const error = await removeVolumes(ops, [{ name: volume.name, saved }], ['redis-id'], consent).catch(
    (e: unknown) => e,
  );
  const removed = ops.scripted.calls.map((c) => c.argv.join(' ')).filter((c) => / rm /.test(c));
  return { error, removed };
}

const consentTo = (ops: ReturnType<typeof testOps>, volumes = [volume]) =>
  confirmDestructive(ops, { title: { en: 'x', zh: 'x' }, phrase: PHRASE, volumes, losses: [] }, PHRASE);

// A genuine proof, made by its guard, whose run-time check passes.
async function proof(name = volume.name): Promise<SafeToDelete> {
  const world = testOps(({ argv }) => (argv[1] === 'volume' ? { exitCode: 1, stderr: 'no such volume' } : undefined));
  const absent = await proveAbsent(world, name);
  vi.spyOn(absent, 'check').mockResolvedValue(undefined);
  return absent;
}

it('removes the holding container, then exactly the consented volume', async () => {
  const { error, removed } = await attempt(engine(), async (ops) => [await proof(), await consentTo(ops)]);
  expect(error).toBeUndefined();
  expect(removed).toEqual(['docker rm -f -v redis-id', `docker volume rm ${volume.name}`]);
});

it.each([
  [
    'a consent for another volume',
    engine(),
    async (ops) => [await proof(), await consentTo(ops, [{ ...volume, name: 'other' }])],
  ],
  ['a proof for another volume', engine(), async (ops) => [await proof('other'), await consentTo(ops)]],
  [
    'a forged consent',
    engine(),
    async (_ops) => [await proof(), { check: async () => undefined } as unknown as Consent],
  ],
  [
    'a forged proof',
    engine(),
    async (ops) => [{ covers: volume, check: async () => undefined } as unknown as SafeToDelete, await consentTo(ops)],
  ],
  [
    'a container that is not ours holding it',
    engine({ holders: 'redis-id\nspy-id\n' }),
    async (ops) => [await proof(), await consentTo(ops)],
  ],
] satisfies [
  string,
  ReturnType<typeof engine>,
  (ops: ReturnType<typeof testOps>) => Promise<[SafeToDelete, Consent]>,
][])('removes nothing with %s', async (_what, respond, proofs) => {
  const { error, removed } = await attempt(respond, proofs);
  expect(error).toMatchObject({ kind: 'precondition' });
  expect(removed).toEqual([]);
});

it('removes nothing when what was saved is not intact any more', async () => {
  const { error, removed } = await attempt(engine(), async (ops) => {
    const saved = await proof();
    vi.spyOn(saved, 'check').mockRejectedValue(
      new OpsError({ kind: 'precondition', what: { en: 'damaged', zh: '损坏' } }),
    );
    return [saved, await consentTo(ops)];
  });
  expect(error).toMatchObject({ message: 'damaged' });
  expect(removed).toEqual([]);
});

it('keeps a volume that was replaced between the check and the removal', async () => {
  const respond = engine({ after: '2026-09-09T09:09:09Z' });
  const { error, removed } = await attempt(respond, async (ops) => [await proof(), await consentTo(ops)]);
  expect(error).toMatchObject({ kind: 'precondition' });
  expect(removed).not.toContain(`docker volume rm ${volume.name}`);
});
