import { type Agent, type Args, json } from './agents.ts';
import { locationsOf, SCHEDULER_PATH } from './app.ts';
import type { AppContainer } from './app-container.ts';
import { changedAt, fileAt } from './app-files.ts';
import { configOf, readConfig } from './gunicorn.ts';
import { until } from './later.ts';
import type { Reply } from './process.ts';
import { send } from './signals.ts';

export const programs: Agent = ({ container }, app, { marker }) => {
  const file = fileAt(container, marker as string);
  return json({
    programs: app.programs.map(({ name, state: said, pid, gunicorn, launch, stopSeconds }) => ({
      name,
      state: said,
      pid,
      start: state(app, pid).master ?? 0,
      argv: pid ? launch.argv : [],
      cwd: pid ? launch.cwd : '',
      ports: gunicorn?.listening ? [Number(/:(\d+)$/.exec(gunicorn.bind)?.[1])].filter(Boolean) : [],
      scheduler: pid ? (launch.env.ENABLE_SCHEDULER ?? '') : '',
      workers: state(app, pid).workers,
      ...(stopSeconds === undefined ? {} : { stopSeconds }),
      ...(gunicorn ? { config: configOf(gunicorn) } : {}),
      // What it computes is not known.
      ...(gunicorn && !readConfig(app, gunicorn)?.preload ? { settings: { preload_app: false } } : {}),
    })),
    said: '',
    uptime: app.uptime(),
    booted: app.startOf(container.startedAt),
    ...(file ? { released: app.uptime(changedAt(file)) } : {}),
  });
};

/** As the site's configuration has them. */
export const routes: Agent = ({ container }) =>
  json({
    sites: [
      {
        listens: [{ port: 80, tls: false }],
        name: null,
        routes: [...locationsOf(container), { path: SCHEDULER_PATH, port: 5002 }, { path: '/api/', port: 5001 }],
        pages: [['/', '/index.html']],
        unread: [],
      },
    ],
  });

/** Programs are restarted once what is under way has ended. */
export const drain: Agent = (what, app, { stop, restarted, seconds, stopSeconds }) => {
  if (!restarted) throw new Error('a container is drained by whoever stays attached');
  const programs = named(app, stop);
  const left = app.underWay;
  what.changes();
  const restart = (): Promise<Reply> => {
    for (const program of programs) program.restart();
    app.seen();
    const settled = () => programs.every((p) => p.state === 'RUNNING' || p.state === 'FATAL');
    const ended = () => programs.every((p) => p.state === 'RUNNING');
    return until(what, settled, Number(stopSeconds), () =>
      json({ drained: left === 0, left, ended: ended(), killed: [] }),
    );
  };
  return { later: until(what, () => left === 0, Number(seconds), restart) };
};

export const named = (app: AppContainer, stop: unknown) =>
  (stop as readonly { name: string }[]).flatMap(({ name }) => app.programs.filter((p) => p.name === name));

interface Wanted extends Args {
  readonly master: number;
  readonly before?: number;
  readonly bring?: { readonly by: string; readonly since?: number };
  readonly settled?: true;
  readonly signal?: readonly [name: string, times: number];
  readonly wanted?: number;
  readonly old?: readonly number[];
  readonly seconds?: number;
}

/** A master is any process; only gunicorn's have workers. */
function state(app: AppContainer, pid: number) {
  const gunicorn = app.gunicorns.find((g) => g.pid === pid);
  const program = app.programs.find((p) => p.pid === pid && pid > 0);
  const start = gunicorn?.start ?? program?.start;
  const all = (gunicorn?.workers ?? []).map((w) => ({
    pid: w.pid,
    start: app.startOf(w.start),
    state: w.hung ? 'hung' : w.leaving ? 'leaving' : w.booted ? 'serving' : 'booting',
  }));
  return {
    master: start === undefined ? null : app.startOf(start),
    workers: all.sort((a, b) => a.start - b.start),
  };
}

export const workers: Agent = (what, app, args) => {
  const { master, bring, signal: [name, times] = ['', 0], wanted, settled, seconds = 0, ...given } = args as Wanted;
  const found = state(app, master);
  const { before = found.master } = given;
  let { old = [] } = given;
  const tell = (to: string, count: number) => {
    for (let n = 0; n < count; n += 1) send(app, to, master);
  };
  if (bring || times > 0) what.changes();
  const bringNow = ({ by, since = Infinity }: NonNullable<Wanted['bring']>) => {
    const earlier = found.workers.filter((w) => w.start < since);
    const staying = earlier.filter((w) => w.state !== 'leaving');
    if (by === 'HUP') tell('HUP', 1);
    if (by === 'TERM') for (const w of staying) send(app, 'TERM', w.pid);
    if (by !== 'TTIN') return earlier.map((w) => w.pid);
    const needed = !found.workers.some((w) => w.state === 'serving');
    const kept = staying.filter((w) => needed || w.state !== 'booting');
    for (const w of staying.filter((s) => !kept.includes(s))) send(app, 'KILL', w.pid);
    tell('TTIN', (wanted ?? 0) - (found.workers.length - kept.length));
    return kept.map((w) => w.pid);
  };
  if (found.master !== null && found.master === before) {
    if (bring) old = bringNow(bring);
    const oldest = found.workers.filter((w) => old.includes(w.pid)).slice(0, times);
    tell(name, times);
    for (const w of oldest) if (w.state === 'booting') send(app, 'KILL', w.pid);
  }
  const enough = () => {
    const now = state(app, master);
    if (now.master === null || now.master !== before) return true;
    if (settled) return now.workers.length > 0 && now.workers.every((w) => ['serving', 'hung'].includes(w.state));
    if (wanted !== undefined)
      return now.workers.filter((w) => !old.includes(w.pid) && w.state === 'serving').length >= wanted;
    return !now.workers.some((w) => old.includes(w.pid));
  };
  return {
    later: until(what, enough, seconds, () => json({ ...state(app, master), before, old, uptime: app.uptime() })),
  };
};
