/**
 * What visitors lose while the application is taken away, held and in the former way (`--no-hold`) in the same run:
 * `npm run bench -- hold`. 25 requests/s over http and 25 over https, of which some take 2 s and some are POSTs, and 10/s past nginx, to an
 * application like the deployed one (`--like plain`: to the plain one, over http alone).
 */
import { parseArgs } from 'node:util';
import type { LoadReport } from '../sandbox/load-report.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { MIXED, startLoad } from '../support/load.ts';
import { bootSeconds, fill, importSeconds, nextMigration, pause, script, timed, withSandbox } from './shared.ts';

type Argv = readonly [string, ...string[]];

interface Round {
  readonly what: string;
  /** Before each of its two runs. */
  readonly given?: () => Promise<unknown>;
  readonly argv: Argv;
  /** It must not end well. */
  readonly fails?: true;
}

export async function benchHold(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      gigabyte: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      like: { type: 'string', default: 'real' },
    },
  });
  const measure = async (sandbox: Sandbox) => {
    const run = (name: string, ...more: string[]) => script(sandbox, name, ...more);
    const restore = run('restore-prod', '--confirm', 'RESTORE whalefall_prod');
    const backUp = () => timed(run('backup-prod', 'create'));
    // Another name each time: the engine knows what it has built before.
    const release = async (how: object = {}) => {
      await sandbox.release({ marker: `hold-${Date.now()}`, ...how });
      await sandbox.pull();
    };
    const rounds: Round[] = [
      { what: 'full rebuild, data kept', given: release, argv: run('deploy-prod-all', '--data', 'keep') },
      {
        what: 'full rebuild with a migration',
        given: () => release({ files: nextMigration(sandbox) }),
        argv: run('deploy-prod-all', '--data', 'keep'),
      },
      { what: 'rollback by image', argv: run('rollback-prod', 'previous', '--way', 'image') },
      {
        what: 'hot update with a restart of the container',
        given: () => sandbox.release({ marker: `hold-${Date.now()}` }),
        argv: run('update-prod-flask', '--restart', 'container', '--soak', '0'),
      },
      {
        what: 'full rebuild to a release that turns out broken',
        given: () => release({ deep_unhealthy: true }),
        argv: run('deploy-prod-all', '--data', 'keep'),
        fails: true,
      },
      {
        what: 'full rebuild, data deleted',
        given: release,
        argv: run('deploy-prod-all', '--data', 'delete', '--confirm', 'DELETE ALL DATA'),
      },
      { what: 'restore, 10 MB', given: backUp, argv: restore },
    ];
    const large: Round[] = [{ what: 'restore, 1 GB', given: backUp, argv: restore }];
    if (values.gigabyte) fill(sandbox, 6_000_000);
    console.log('| | held: failed, longest wait | `--no-hold`: failed, longest without an answer |\n|---|---|---|');
    for (const round of (values.gigabyte ? large : rounds).filter(({ what }) => what.includes(values.only))) {
      const held = await measured(sandbox, round, []);
      const plain = await measured(sandbox, round, ['--no-hold']);
      console.log(`| ${round.what} | ${cell(held, 'maxMs')} | ${cell(plain, 'longestOutageMs')} |`);
    }
    const importing = await importSeconds(sandbox);
    const { start, boot } = await bootSeconds(sandbox);
    const said = [importing, start, boot].map((seconds) => seconds.toFixed(1));
    console.log(
      `\nan import takes ${said[0]} s by itself; the container starts in ${said[1]} s, and the application boots in ${said[2]} s`,
    );
  };
  await withSandbox('wfops-bench', 28180, measure, values.like === 'plain' ? 'plain' : 'real');
}

async function measured(sandbox: Sandbox, { given, argv, fails }: Round, more: readonly string[]) {
  await given?.();
  const basic = '/api/v1/health/basic';
  const through = [sandbox.url, ...(sandbox.httpsUrl ? [sandbox.httpsUrl] : [])];
  const loads = [
    ...(await Promise.all(
      through.map((url) => startLoad(`${url}${basic}`, ...MIXED, '--rate', String(50 / through.length))),
    )),
    await startLoad(`${sandbox.directUrl}${basic}`, '--rate', '10'),
  ];
  await pause(1000);
  let said = 'it ended well';
  const ran = await timed([...argv, ...more]).then(
    () => true,
    (error: unknown) => {
      said = String(error);
      return false;
    },
  );
  await pause(3000);
  const reports = await Promise.all(loads.map((load) => load.stop()));
  if (ran === Boolean(fails)) throw new Error(`${argv.join(' ')}: ${said}`);
  return reports;
}

function cell(reports: readonly LoadReport[], which: 'maxMs' | 'longestOutageMs'): string {
  const sum = (pick: (r: LoadReport) => number) => reports.reduce((all, r) => all + pick(r), 0);
  const longest = Math.max(...reports.map((r) => r[which])) / 1000;
  return `${sum((r) => r.failed)} of ${sum((r) => r.sent)}, ${longest.toFixed(1)} s`;
}
