import { expect, it } from 'vitest';
import { throwIfAny } from '../../../../lib/core/refusal.ts';
import { targetFor } from '../../../../lib/core/target.ts';
import { replacementRefusals } from '../../../../lib/domain/replacement/refusals.ts';
import type { AppFacts } from '../../../../lib/domain/stack/deployment.ts';
import type { Home } from '../../../../lib/domain/stack/homes.ts';
import { container, facts, runningDatabase, volume } from '../../../support/facts.ts';

const WEB = { target: 80, published: 8080, hostIp: '0.0.0.0', protocol: 'tcp' } as const;
const CERTS = { service: 'whalefall', source: '/srv/certs', target: '/etc/nginx/ssl' } as const;
const target = targetFor('/srv/shop');

it('has nothing against a stack that runs as it should', () => {
  expect(replacementRefusals(target, facts(), 'keep')).toEqual([]);
});

it.each([
  ['another project’s volume', { volumes: [volume('postgres', { project: 'whalefall_dev' })] }, 'belongs to another'],
  ['a port that is taken', { unusablePorts: [{ port: WEB, why: 'taken' }] }, '0.0.0.0:8080'],
  ['an address that is not there', { unusablePorts: [{ port: WEB, why: 'no-address' }] }, 'does not have'],
  ['a port that is published twice', { unusablePorts: [{ port: WEB, why: 'twice' }] }, 'twice'],
  ['a mounted directory that is gone', { brokenBinds: [{ ...CERTS, why: 'gone' }] }, '/srv/certs does not exist'],
  ['a directory instead of a file', { brokenBinds: [{ ...CERTS, why: 'directory' }] }, 'is a directory'],
  ['a login that no password mends', { login: { error: 'no database x' } }, 'no database x'],
  [
    'userdata that has no room',
    { freeBytes: 10, app: { ...facts().app, userdataBytes: 11 } as AppFacts },
    'userdata has 11 B',
  ],
] as const)('refuses %s with exit code 3', (_what, more, text) => {
  expect(() => throwIfAny(replacementRefusals(target, facts(more), 'keep'))).toThrow(
    expect.objectContaining({ kind: 'precondition', exitCode: 3, message: expect.stringContaining(text) }),
  );
});

it.each([
  // The volume as up to 17, and as from 18 on.
  ['hidden from the mount', '', { kind: 'own', source: '', path: '/var/lib/postgresql/18/docker' }],
  ['elsewhere below it', 'data', { kind: 'volume', source: 'shop_postgres_data', path: '18/docker' }],
] as const)(
  'refuses a data path that moved with the image, the major version being the same: %s',
  (_where, path, next) => {
    const database = { ...runningDatabase, identity: { ...runningDatabase.identity, major: '18' } };
    const now = { kind: 'volume', source: 'shop_postgres_data', path } as const;
    const data = (to: Home['next']) => ({
      homes: [{ role: 'postgres', directory: '/var/lib/postgresql/data', now, next: to }] as const,
      nextMajor: '18',
      nextData: to,
      unknown: [],
    });
    const reasons = replacementRefusals(target, facts({ database, data: data(next) }), 'keep');
    expect(reasons[0]?.text.en).toContain('the next container would look in');
    expect(reasons.map((r) => r.text.en).join()).not.toContain('does not start on it');
    expect(replacementRefusals(target, facts({ database, data: data(now) }), 'keep')).toEqual([]);
  },
);

it('does not mind a login that fails where the database is deleted', () => {
  expect(replacementRefusals(target, facts({ login: { error: 'no database x' } }), 'delete')).toEqual([]);
});

it('wants no room for userdata that is mounted: that is not saved', () => {
  const app = container('app', { mounts: [{ kind: 'bind', source: '/srv/userdata', target: '/app/userdata' }] });
  const large = { freeBytes: 10, app: { ...facts().app, userdataBytes: 11 } as AppFacts };
  expect(replacementRefusals(target, facts({ ...large, containers: { app } }), 'keep')).toEqual([]);
});

it('says all refusals at once, and what mends several of them once', () => {
  const foreign = [volume('postgres', { project: 'a' }), volume('redis', { project: 'b' })];
  const reasons = replacementRefusals(
    target,
    facts({ volumes: foreign, unusablePorts: [{ port: WEB, why: 'taken' }] }),
    'keep',
  );
  expect(() => throwIfAny(reasons)).toThrow(/shop_postgres_data.*shop_redis_data.*8080/s);
  const twice = [...reasons, ...reasons];
  const fixes = new Set(reasons.map((r) => r.fix.en));
  expect(() => throwIfAny(twice)).toThrow(
    expect.objectContaining({ next: expect.toSatisfy((next: unknown[]) => next.length === fixes.size) }),
  );
});
