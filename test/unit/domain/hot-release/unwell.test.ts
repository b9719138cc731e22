import { expect, it } from 'vitest';
import type { Health } from '../../../../lib/domain/app/health.ts';
import { requireServing } from '../../../../lib/domain/hot-release/require-serving.ts';
import { container, facts } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';

const { stack, containers } = facts();
const text = { en: '', zh: '' };
const deep = (more: object): Health => ({
  healthy: false,
  checks: [{ name: 'deep', url: 'http://x', healthy: false, outcome: 'unhealthy', text, milliseconds: 1, ...more }],
});

/** What is advised, where Redis answers INFO with this. */
async function advice(health: Health | undefined, there = containers, info = ''): Promise<string> {
  const ops = testOps(({ argv }) =>
    argv.includes('INFO')
      ? { stdout: info.startsWith('NOAUTH') ? info : `redis_version:7.0.15\r\n${info}` }
      : undefined,
  );
  const error = await requireServing(ops, stack, there, health).catch((e: unknown) => e);
  expect(error).toMatchObject({ kind: 'precondition', exitCode: 3 });
  return (error as { next: { en: string }[] }).next.map((n) => n.en).join('\n');
}

const REBUILD = /npx tsx scripts\/deploy-prod-all/;

it.each([
  ['OOM', 'used_memory:1000\r\nmaxmemory:1000\r\nmaxmemory_policy:noeviction\r\n'],
  ['MISCONF', 'rdb_last_bgsave_status:err\r\naof_last_write_status:ok\r\n'],
  ['MISCONF', 'aof_last_write_status:err\n'],
  ['loading its data', 'loading:1\r\n'],
  ['another one', 'NOAUTH Authentication required.\n'],
  ['is not known from here', 'used_memory:10\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n'],
])('tells why the application can’t use Redis, and advises no rebuild: %s', async (why, info) => {
  const said = await advice(deep({ bad: ['redis'] }), containers, info);
  expect(said).toContain(why);
  expect(said).toContain('docker logs --tail 50');
  expect(said).toContain('would meet the same trouble');
  expect(said).not.toMatch(REBUILD);
});

it('names the database where that is what can’t be used', async () => {
  expect(await advice(deep({ bad: ['database'] }))).toMatch(/PostgreSQL runs, but/);
});

it('says how to look when nobody answers', async () => {
  const said = await advice(deep({ outcome: 'timeout' }));
  expect(said).toMatch(/supervisorctl status/);
  expect(said).not.toMatch(REBUILD);
});

it('advises a rebuild only where something is missing or has ended', async () => {
  expect(await advice(undefined, { ...containers, redis: undefined } as never)).toMatch(REBUILD);
  expect(await advice(undefined, { ...containers, redis: { ...container('redis'), state: 'exited' } })).toMatch(
    REBUILD,
  );
  expect(await advice(undefined, { ...containers, app: { ...container('app'), state: 'paused' } })).toMatch(
    /^docker|unpause/,
  );
});

it('says that it does not know where nothing tells the cause', async () => {
  const said = await advice(undefined, { ...containers, app: { ...container('app'), health: 'unhealthy' } });
  expect(said).toMatch(/the cause is not known from here/);
  expect(said).not.toMatch(REBUILD);
});
