import { type Agent, json, traceback } from './agents.ts';
import { behaviourAt, write } from './app-files.ts';
import { BOOT_MS, type Launch, readConfig } from './gunicorn.ts';
import { until } from './later.ts';

type App = Parameters<Agent>[1];

const READ_MS = 200;

interface Given {
  readonly like: number;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly log: string;
  readonly seconds: number;
}

/** Words of Python's in front of gunicorn's that keep it from loading an application. */
const LOADS_NOTHING = /^from gunicorn\.app\.wsgiapp import WSGIApplication as G\nG\.load = lambda self: None\n/;

/**
 * Runs gunicorn as the web program runs: to its end with `--print-config` (here always without the application) or `--check-config`, or
 * leaves it running.
 */
export const asWeb: Agent = (what, app, args) => {
  const { like, argv, cwd, env, log, seconds } = args as unknown as Given;
  const model = app.programs.find((p) => p.pid === like);
  what.changes();
  if (!model) return traceback(`FileNotFoundError: [Errno 2] No such file or directory: '/proc/${like}/environ'`);
  write(what.container, log, '');
  const launch: Launch = { argv, cwd, env: { ...model.launch.env, ...env } };
  if (seconds === 0) return json({ pid: app.launch(launch).pid, exitCode: null, said: '' });
  if (argv.at(-1) === '--print-config' && LOADS_NOTHING.test(argv[argv.indexOf('-c') + 1] ?? '')) {
    const read = app.now() + READ_MS;
    const answer = () => {
      const [exitCode, said] = readIn(app, launch);
      return json({ pid: app.newPid(), exitCode, said });
    };
    return { later: until(what, () => app.now() >= read, seconds, answer) };
  }
  if (argv.at(-1) !== '--check-config') throw new Error(`not modelled: as_web ${argv.join(' ')}`);

  const process = { ...launch, pid: app.newPid() };
  app.others.push(process);
  const hangs = behaviourAt(what.container, cwd, app.releases)?.importHangs === true;
  const end = app.now() + BOOT_MS;
  const over = () => !app.others.includes(process) || (!hangs && app.now() >= end);
  return {
    later: until(what, over, seconds, () => {
      const wasKilled = !app.others.includes(process);
      app.others = app.others.filter((o) => o !== process);
      const answer = (exitCode: number | null, said = '') => json({ pid: process.pid, exitCode, said });
      if (hangs) return answer(null);
      return wasKilled ? answer(-15) : answer(...loaded(what, app, launch));
    }),
  };
};

/** What gunicorn says when it reads its configuration, with `--print-config`. */
function readIn(app: App, launch: Launch): [exitCode: number, said: string] {
  const config = readConfig(app, launch);
  if (!config) return [1, 'Failed to read config file\nSyntaxError: invalid syntax\n'];
  const lines = [...config.settings].map(([name, value]) => `${name.padEnd(33)} = ${value}\n`);
  return [0, `config                            = ./gunicorn.conf.py\n${lines.join('')}`];
}

/** What gunicorn says when it loads the application once. */
function loaded(what: Parameters<Agent>[0], app: App, launch: Launch): [exitCode: number, said: string] {
  const [exitCode, said] = readIn(app, launch);
  if (exitCode !== 0) return [exitCode, said];
  const release = behaviourAt(what.container, launch.cwd, app.releases);
  return !release || release.cannotCreate ? [1, 'ImportError: cannot import name create_app\n'] : [0, ''];
}
