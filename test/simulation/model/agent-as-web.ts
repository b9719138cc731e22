import { type Agent, json, traceback } from './agents.ts';
import { behaviourAt, write } from './app-files.ts';
import { BOOT_MS, type Launch, readConfig } from './gunicorn.ts';
import { until } from './later.ts';
import type { Reply } from './process.ts';

type App = Parameters<Agent>[1];

const READ_MS = 200;

interface Given {
  readonly like: number;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly log: string;
  readonly told: string;
  readonly leave: boolean;
  readonly seconds: number;
}

/** The code between Python's `-c` and gunicorn's words: it writes down the settings, then goes on with others, or ends. */
const TELLS =
  /^"""gunicorn as its own program starts it,.*\btold, trial = sys\.argv\.pop\(1\), json\.loads\(sys\.argv\.pop\(1\)\)\n/s;

/**
 * Runs gunicorn as the web program runs: it tells its settings and ends, loads the application once (`check_config`), or boots with settings
 * of its own and is left alone.
 */
export const asWeb: Agent = (what, app, args) => {
  const { like, argv, cwd, env, log, told, leave, seconds } = args as unknown as Given;
  const model = app.programs.find((p) => p.pid === like);
  what.changes();
  if (!model) return traceback(`FileNotFoundError: [Errno 2] No such file or directory: '/proc/${like}/environ'`);
  write(what.container, log, '');
  const at = argv.indexOf('-c');
  const [code = '', file, json = '', ...words] = argv.slice(at + 1);
  if (!TELLS.test(code) || file !== told) throw new Error(`not modelled: as_web ${argv.join(' ')}`);
  const trial = JSON.parse(json) as { readonly settings: Readonly<Record<string, unknown>> } | null;
  const launch: Launch = { argv: words, cwd, env: { ...model.launch.env, ...env } };
  if (trial === null) return reads(what, app, launch, seconds);
  const { settings: instead } = trial;
  if (instead.check_config === true) return loads(what, app, launch, seconds);
  if (!leave) throw new Error(`not modelled: as_web ${json}`);
  return boots(what, app, { ...launch, instead }, seconds);
};

type What = Parameters<Agent>[0];

/** To its end, without an application. */
function reads(what: What, app: App, launch: Launch, seconds: number): Reply {
  const read = app.now() + READ_MS;
  const answer = () => {
    const told = settingsOf(app, launch);
    return json({ pid: app.newPid(), exitCode: told === null ? 1 : 0, said: told === null ? UNREADABLE : '', told });
  };
  return { later: until(what, () => app.now() >= read, seconds, answer) };
}

/** To its end, with the application. */
function loads(what: What, app: App, launch: Launch, seconds: number): Reply {
  const process = { ...launch, pid: app.newPid() };
  app.others.push(process);
  const told = settingsOf(app, launch);
  const hangs = told !== null && behaviourAt(what.container, launch.cwd, app.releases)?.importHangs === true;
  const end = app.now() + BOOT_MS;
  const over = () => !app.others.includes(process) || (!hangs && app.now() >= end);
  return {
    later: until(what, over, seconds, () => {
      const wasKilled = !app.others.includes(process);
      app.others = app.others.filter((o) => o !== process);
      const answer = (exitCode: number | null, said = '') => json({ pid: process.pid, exitCode, said, told });
      if (told === null) return answer(1, UNREADABLE);
      if (hangs) return answer(null);
      if (wasKilled) return answer(-15);
      const release = behaviourAt(what.container, launch.cwd, app.releases);
      return !release || release.cannotCreate ? answer(1, 'ImportError: cannot import name create_app\n') : answer(0);
    }),
  };
}

/** Until it has told its settings; then it goes on. */
function boots(what: What, app: App, launch: Launch, seconds: number): Reply {
  const read = app.now() + READ_MS;
  const { pid } = app.launch(launch);
  const answer = () => {
    const told = settingsOf(app, launch);
    return json({ pid, exitCode: told === null ? 1 : null, said: told === null ? UNREADABLE : '', told });
  };
  return { later: until(what, () => app.now() >= read, seconds, answer) };
}

const UNREADABLE = 'Failed to read config file\nSyntaxError: invalid syntax\n';

/** What gunicorn's configuration makes, a line for each; null when it can't be read. */
function settingsOf(app: App, { argv, cwd, env }: Launch): string | null {
  const config = readConfig(app, { argv, cwd, env });
  if (!config) return null;
  const lines = [...config.settings].map(([name, value]) => `${name.padEnd(33)} = ${value}\n`);
  return `config                            = ./gunicorn.conf.py\n${lines.join('')}`;
}
