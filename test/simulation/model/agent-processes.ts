import { type Agent, type Args, json } from './agents.ts';
import type { AppContainer } from './app-container.ts';
import { changedAt, fileAt } from './app-files.ts';
import { until } from './later.ts';
import { send } from './signals.ts';

export const programs: Agent = ({ container }, app, { port, marker }) => {
  const file = fileAt(container, marker as string);
  return json({
    programs: app.programs.map(({ name, state: said, pid, gunicorn, launch }) => ({
      name,
      state: said,
      pid,
      start: state(app, pid).master ?? 0,
      argv: pid ? launch.argv : [],
      cwd: pid ? launch.cwd : '',
      web: gunicorn?.listening === true && gunicorn.bind.endsWith(`:${port}`),
      scheduler: pid ? (launch.env.ENABLE_SCHEDULER ?? '') : '',
      workers: state(app, pid).workers,
    })),
    said: '',
    uptime: app.uptime(),
    booted: app.startOf(container.startedAt),
    ...(file ? { released: app.uptime(changedAt(file)) } : {}),
  });
};

interface Wanted extends Args {
  readonly master: number;
  readonly before?: number;
  readonly bring?: { readonly by: string; readonly since?: number };
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
  const all = (gunicorn?.workers ?? []).map((w) => ({ pid: w.pid, start: app.startOf(w.start), booted: w.booted }));
  return {
    master: start === undefined ? null : app.startOf(start),
    workers: all.sort((a, b) => a.start - b.start),
  };
}

export const workers: Agent = (what, app, args) => {
  const { master, bring, signal: [name, times] = ['', 0], wanted, seconds = 0, ...given } = args as Wanted;
  const found = state(app, master);
  const { before = found.master } = given;
  let { old = [] } = given;
  const tell = (to: string, count: number) => {
    for (let n = 0; n < count; n += 1) send(app, to, master);
  };
  if (bring || times > 0) what.changes();
  if (found.master !== null && found.master === before) {
    if (bring) {
      const earlier = found.workers.filter((w) => w.start < (bring.since ?? Infinity));
      const serving = bring.by === 'HUP' ? earlier : earlier.filter((w) => w.booted);
      for (const hung of earlier.filter((w) => !serving.includes(w))) send(app, 'KILL', hung.pid);
      const fresh = found.workers.length - serving.length;
      if (bring.by === 'HUP') tell('HUP', 1);
      else if (serving.length > 0) tell(bring.by, (wanted ?? 0) - fresh);
      old = serving.map((w) => w.pid);
    }
    tell(name, times);
  }
  const enough = () => {
    const now = state(app, master);
    if (now.master === null || now.master !== before) return true;
    if (wanted !== undefined) return now.workers.filter((w) => !old.includes(w.pid) && w.booted).length >= wanted;
    return !now.workers.some((w) => old.includes(w.pid));
  };
  return {
    later: until(what, enough, seconds, () => json({ ...state(app, master), before, old, uptime: app.uptime() })),
  };
};
