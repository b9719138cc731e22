import { type Agent, json, traceback } from './agents.ts';
import { behaviourAt, write } from './app-files.ts';
import { BOOT_MS, type Launch, readConfig } from './gunicorn.ts';
import { until } from './later.ts';

interface Given {
  readonly like: number;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly log: string;
  readonly seconds: number;
}

/** Runs gunicorn as the web program runs: to its end with `--print-config`, or leaves it running. */
export const asWeb: Agent = (what, app, args) => {
  const { like, argv, cwd, env, log, seconds } = args as unknown as Given;
  const model = app.programs.find((p) => p.pid === like);
  what.changes();
  if (!model) return traceback(`FileNotFoundError: [Errno 2] No such file or directory: '/proc/${like}/environ'`);
  write(what.container, log, '');
  const launch: Launch = { argv, cwd, env: { ...model.launch.env, ...env } };
  if (seconds === 0) return json({ pid: app.launch(launch).pid, exitCode: null, said: '' });
  if (argv.at(-1) !== '--print-config') throw new Error(`not modelled: as_web ${argv.join(' ')}`);

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

/** What gunicorn says when it reads its configuration and loads the application once. */
const loaded = (
  what: Parameters<Agent>[0],
  app: Parameters<Agent>[1],
  launch: Launch,
): [exitCode: number, said: string] => {
  const config = readConfig(app, launch);
  if (!config) return [1, 'Failed to read config file\nSyntaxError: invalid syntax\n'];
  const release = behaviourAt(what.container, launch.cwd, app.releases);
  if (!release || release.cannotCreate) return [1, 'ImportError: cannot import name create_app\n'];
  const lines = [...config.settings].map(([name, value]) => `${name.padEnd(33)} = ${value}\n`);
  return [0, `config                            = ./gunicorn.conf.py\n${lines.join('')}`];
};
