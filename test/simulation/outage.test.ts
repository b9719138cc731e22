import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { rollbackProd } from '../../scripts/rollback-prod.ts';
import { type Deployment, deployment, type Ended, production } from './model/deployment.ts';
import { rebuilt } from './model/rebuilt.ts';
import { NEW_REVISION, release } from './model/release.ts';

vi.setConfig({ testTimeout: 60_000 });

/** What a command is, without the names and values of this one deployment: as docs/outage writes it. */
function shapeOf(argv: readonly string[]): string {
  const words = argv.filter(
    (w) => !/^-(i|e|T|d)$/.test(w) && !/^(PG\w+|WFOPS_\w+|REDISCLI_AUTH|LC_ALL|ENABLE_SCHEDULER)$/.test(w),
  );
  const typed = words.join(' ');
  const [, compose] = /^docker compose (?:-p \S+ )?-f \S+ (?:-f \S+ )?--project-directory \S+ (\w+)/.exec(typed) ?? [];
  if (compose)
    return `docker compose ${compose}${compose === 'up' && typed.includes('--no-start') ? ' --no-start' : ''}`;
  if (words[0] === 'git')
    return `git ${words.find((w) => /^(cat-file|ls-tree|log|update-ref|rev-parse|status|for-each-ref)$/.test(w))}`;
  if (words[0] !== 'docker') return words[0] ?? '';
  if (words[1] !== 'exec') {
    const two = ['volume', 'image', 'network'].includes(words[1] ?? '');
    if (words[1] === 'cp')
      return words.at(-1) === '-' ? 'docker cp … -' : words[2] === '-' ? 'docker cp - …' : 'docker cp';
    return words.slice(0, two ? 3 : 2).join(' ');
  }
  const script = /^(sh|bash)$/.test(words[3] ?? '') ? (words[6] ?? '') : words[3];
  if (script === 'flask') return `docker exec flask db ${words.at(-1)}`;
  return `docker exec ${words[3]?.endsWith('/python') ? words[5] : script}`;
}

/** From the moment on that production is down. */
function afterStop({ exitCode, text, calls, changes }: Ended): string[] {
  expect(exitCode, text).toBe(0);
  const stop = calls.findIndex((c) => c.argv[1] === 'stop');
  expect(stop).toBeGreaterThan(0);
  const later = changes.slice(changes.findIndex((c) => c.startsWith('docker stop ')));
  // It has begun before, and waits for the word.
  const migration = calls.filter(
    (c) => c.argv.at(-1) === 'upgrade' && later.some((typed) => typed.endsWith(' upgrade')),
  );
  return [...new Set([...calls.slice(stop), ...migration].map((c) => shapeOf(c.argv)))];
}

const FRONT = 'whalefall_prod_network';

const FLOWS: Readonly<Record<string, () => Promise<Ended>>> = {
  keep: async () => {
    const d = await production();
    return d.run(['--data', 'keep', '--yes']);
  },
  migrate: async () => {
    const d = await production();
    d.machine.release = release('new', { head: NEW_REVISION });
    return d.run(['--data', 'keep', '--yes']);
  },
  delete: async () => {
    const d = await production();
    return d.run(['--data', 'delete', '--confirm', 'DELETE ALL DATA']);
  },
  rollback: async () => {
    const d: Deployment = deployment();
    await rebuilt(d);
    return d.run(['previous', '--way', 'image', '--yes'], { script: rollbackProd });
  },
  held: async () => {
    const made = deployment();
    const inNetworks = (...networks: readonly string[]) =>
      made.editCompose((file) => {
        file.networks = Object.fromEntries(['backend', FRONT, 'side'].map((n) => [n, null]));
        Object.assign(file.services.whalefall ?? {}, { networks: Object.fromEntries(networks.map((n) => [n, null])) });
      });
    inNetworks('backend', FRONT);
    const d = await production(made);
    const { networks } = d.machine.engine;
    networks.set('prod_backend', { ...networks.get('prod_backend'), internal: 'true' });
    inNetworks('backend', 'side'); // the new container is in another one
    for (const program of ['iptables', 'ip6tables']) d.machine.absent.delete(program);
    return d.run(['--data', 'keep', '--yes']);
  },
};

const DOCS = ['outage.md', 'outage.zh-CN.md'].map((name) =>
  readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8'),
);

/** The commands of each of a page's tables. */
const tablesIn = (page: string): string[][] =>
  page
    .split(/^## /m)
    .map((section) => [...section.matchAll(/^\| `([^`]+)` \|/gm)].map((row) => row[1] ?? ''))
    .filter((rows) => rows.length > 0);

it.each(Object.keys(FLOWS).map((flow, at) => [flow, at] as const))(
  'docs/outage has every command after the stop: %s',
  async (flow, at) => {
    const commands = afterStop(await (FLOWS[flow] as () => Promise<Ended>)());
    for (const page of DOCS) expect(tablesIn(page)[at]?.toSorted()).toEqual(commands.toSorted());
  },
);

it('both pages have the same tables', () => {
  const [en, zh] = DOCS.map(tablesIn);
  expect(en).toHaveLength(Object.keys(FLOWS).length);
  expect(zh).toEqual(en);
});
