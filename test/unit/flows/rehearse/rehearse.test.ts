import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OpsError } from '../../../../lib/core/errors.ts';
import { namesOf, requireIsolated } from '../../../../lib/flows/rehearse/containers.ts';
import { drillEnvironment } from '../../../../lib/flows/rehearse/environment.ts';
import { leftBehind, migrationFailed } from '../../../../lib/flows/rehearse/errors.ts';
import type { Facts } from '../../../../lib/flows/rehearse/facts.ts';
import { limitFlags, limitsFor } from '../../../../lib/flows/rehearse/limits.ts';
import { begin, discard, proveGone, unlessStopped } from '../../../../lib/flows/rehearse/steps.ts';
import { plannedOf } from '../../../../lib/runs/steps/steps.ts';
import { container, facts as rebuildFacts } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';
import { storedBackup } from '../../domain/backup/backup.fakes.ts';

const FORMER = { database: 'prod-db-pw', redis: 'prod-redis-pw' };
const OWN = { database: 'drill-db-pw', redis: 'drill-redis-pw' };

async function drillFacts(ops: Parameters<typeof storedBackup>[0], more: Partial<Facts> = {}): Promise<Facts> {
  const { stack, containers } = rebuildFacts();
  return {
    stack,
    production: containers,
    backup: await storedBackup(ops),
    code: { kind: 'image', imageId: 'sha256:app', commit: 'c0ffee', subject: 'A release' },
    images: { postgres: 'sha256:postgres', redis: 'sha256:redis' },
    limits: { cpus: 1, memory: 1e9 },
    ...more,
  };
}

describe('the environment of the drill', () => {
  it('has passwords of its own where production logs in, and the keys without which no data can be read', () => {
    const made = drillEnvironment(
      {
        DATABASE_URL: 'postgresql+psycopg://whalefall_user:prod-db-pw@postgres:5432/whalefall_prod',
        CACHE_REDIS_URL: 'redis://:prod-redis-pw@redis:6379/0',
        POSTGRES_PASSWORD: 'prod-db-pw',
        REDIS_PASSWORD: 'prod-redis-pw',
        POSTGRES_USER: 'prod-db-pw',
        PASSWORD_ENCRYPTION_KEY: 'key',
        MAIL_PASSWORD: 'other',
        ENABLE_SCHEDULER: 'true',
      },
      FORMER,
      OWN,
      { ENABLE_SCHEDULER: 'false' },
    );
    expect(made).toEqual({
      DATABASE_URL: 'postgresql+psycopg://whalefall_user:drill-db-pw@postgres:5432/whalefall_prod',
      CACHE_REDIS_URL: 'redis://:drill-redis-pw@redis:6379/0',
      POSTGRES_PASSWORD: 'drill-db-pw',
      REDIS_PASSWORD: 'drill-redis-pw',
      POSTGRES_USER: 'prod-db-pw', // a user is no password, whatever they chose
      PASSWORD_ENCRYPTION_KEY: 'key',
      MAIL_PASSWORD: 'other',
      ENABLE_SCHEDULER: 'false',
    });
  });

  it('tells the two stores apart when production gave them one password', () => {
    const same = { database: 'one', redis: 'one' };
    const made = drillEnvironment(
      {
        A_URL: 'redis://:one@redis/0',
        B_URL: 'postgresql://u:one@db/x',
        REDIS_PASSWORD: 'one',
        POSTGRES_PASSWORD: 'one',
      },
      same,
      OWN,
      {},
    );
    expect(made).toEqual({
      A_URL: 'redis://:drill-redis-pw@redis/0',
      B_URL: 'postgresql://u:drill-db-pw@db/x',
      REDIS_PASSWORD: 'drill-redis-pw',
      POSTGRES_PASSWORD: 'drill-db-pw',
    });
  });

  it('leaves no URL that would log in to production, however the password is written', () => {
    const passwords = fc.string({ minLength: 1, maxLength: 30 }).filter((p) => !/[\n\r\0]/.test(p));
    fc.assert(
      fc.property(passwords, passwords, fc.boolean(), (database, redis, quoted) => {
        fc.pre(database !== redis && decodable(database) && decodable(redis));
        const shown = quoted ? encodeURIComponent(database) : database;
        const made = drillEnvironment({ URL: `postgresql://u:${shown}@db:5432/x` }, { database, redis }, OWN, {});
        expect(made.URL).toBe('postgresql://u:drill-db-pw@db:5432/x');
      }),
    );
  });
});

/** Percent signs that are no escapes, or escapes of other passwords, are another matter. */
const decodable = (text: string) => !text.includes('%');

describe('what a drill may take', () => {
  it('is half of the processors, a quarter of the free memory, and never more than 2 GB', () => {
    expect(limitsFor({ cpus: 2, availableMemory: 64e9 })).toEqual({ cpus: 1, memory: 2 ** 31 });
    expect(limitsFor({ cpus: 1, availableMemory: 4e9 })).toEqual({ cpus: 0.5, memory: 1e9 });
  });

  it('is nothing when production may need the memory: exit code 3', () => {
    expect(() => limitsFor({ cpus: 8, availableMemory: 1e9 })).toThrow(OpsError);
    expect(() => limitsFor({ cpus: 8, availableMemory: 0 })).toThrow(expect.objectContaining({ exitCode: 3 }));
  });

  it('is less than production’s in everything the engine can weigh', () => {
    const flags = limitFlags({ cpus: 1, memory: 1e9 }).join(' ');
    expect(flags).toContain('--cpu-shares 128');
    expect(flags).toContain('--oom-score-adj 1000');
    expect(flags).toContain('--memory 1000000000 --memory-swap 1000000000');
  });
});

describe('isolation', () => {
  const look = (network: string, more: Parameters<typeof container>[1] = {}) => {
    const ops = testOps(() => ({ stdout: `${network}\n` }));
    return requireIsolated(ops, 'drill', [container('app', { addresses: { drill: '172.18.0.2' }, ...more })]);
  };

  it('is proved by what the engine says', async () => {
    await expect(look('true true')).resolves.toBeUndefined();
  });

  it.each([
    ['the network leads out', 'false true', {}],
    ['its bridge leads to this machine', 'true ', {}],
    [
      'a port is published',
      'true true',
      { ports: [{ target: 80, published: 8080, hostIp: '0.0.0.0', protocol: 'tcp' as const }] },
    ],
    ['it is in another network too', 'true true', { addresses: { drill: '172.18.0.2', shop_net: '172.19.0.9' } }],
  ])('is not there when %s', async (_what, network, more) => {
    await expect(look(network, more)).rejects.toThrow('not isolated');
  });
});

describe('what a drill makes', () => {
  it('is named by project and run, in letters that an image may have, and never like production', async () => {
    const names = namesOf({ paths: { state: '', backups: '', run: '/x/20260102T030405Z-rehearse' } }, 'shop');
    expect(names.app).toBe('shop-drill-20260102t030405z-app');
    expect(names.image).toBe('shop-drill-20260102t030405z:drill');
  });

  it('is removed by name, containers before the network, and the image only if it was built', async () => {
    const ops = testOps(() => ({}));
    const facts = await drillFacts(ops);
    await discard(ops, facts);
    const typed = ops.scripted.calls.map((c) => c.argv.join(' '));
    expect(typed.slice(0, 4).every((c) => c.startsWith('docker rm -f -v shop-drill-'))).toBe(true);
    expect(typed[4]).toBe(`docker network rm ${namesOf(ops, 'shop').network}`);
    expect(typed).toHaveLength(5);

    await discard(ops, { ...facts, code: { kind: 'build', commit: 'c0ffee', subject: '' } });
    expect(ops.scripted.calls.at(-1)?.argv.join(' ')).toBe(`docker image rm ${namesOf(ops, 'shop').image}`);
  });

  it('is not called gone while the engine still has any of it', async () => {
    const ops = testOps(({ argv }) => {
      const ours = argv.some((word) => word.startsWith('label=whalefall-ops.state='));
      if (argv[1] === 'ps' && ours) return { stdout: 'aaa test\nbbb 20260101T000000Z-other\n' };
      if (argv[2] === 'ls' || argv[1] === 'ps') return { stdout: '' };
      return undefined;
    });
    await expect(proveGone(ops, await drillFacts(ops))).rejects.toMatchObject({
      exitCode: 6,
      next: [{ en: 'docker rm -f -v aaa' }],
    });
  });

  it('tells a person how each kind is removed', () => {
    const { next } = leftBehind(['container a', 'network b', 'image c']);
    expect(next.map((n) => n.en)).toEqual(['docker rm -f -v a', 'docker network rm b', 'docker image rm c']);
  });
});

describe('the plan', () => {
  it('touches nothing of production in any step', async () => {
    const ops = testOps(() => undefined);
    const facts = await drillFacts(ops);
    for (const code of [
      { kind: 'image', imageId: 'sha256:app', commit: undefined, subject: '' },
      { kind: 'build', commit: 'c0ffee', subject: '' },
    ] as const) {
      const steps = plannedOf(begin(ops, { ...facts, code }).steps);
      expect(steps.map((s) => s.id)).toEqual(['image', 'stores', 'restore', 'migrate', 'boot', 'remove']);
      expect(steps.every((s) => s.risk === 'none' && s.loses === undefined)).toBe(true);
    }
  });
});

it('an interruption stays one, and is no failed drill', () => {
  const stopped = new OpsError({ kind: 'interrupted', what: { en: 'Ctrl-C', zh: 'Ctrl-C' } });
  expect(migrationFailed(stopped)).toBe(stopped);
  const failed = migrationFailed(new OpsError({ kind: 'command', what: { en: 'x', zh: 'x' } }));
  expect(failed).toMatchObject({ kind: 'failed', exitCode: 1 });
});

it('a step that fails because another run takes over is no failed step', async () => {
  const stopping = new AbortController();
  const ops = { ...testOps(() => undefined), signal: stopping.signal };
  const gone = () => Promise.reject(new Error('No such container'));
  await expect(unlessStopped(ops, gone)).rejects.toThrow('No such container');
  const reason = new Error('gave way');
  const overtaken = (milliseconds: number, signal?: AbortSignal) => {
    stopping.abort(reason);
    return ops.clock.sleep(milliseconds, signal);
  };
  const late = { ...ops, clock: { ...ops.clock, sleep: overtaken } };
  await expect(unlessStopped(late, gone)).rejects.toBe(reason);
});
