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
  readonly masterStart?: number;
  readonly old?: readonly number[];
  readonly booted?: number;
  readonly seconds?: number;
  readonly signal?: readonly [name: string, times: number];
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
  const { master, masterStart, old = [], booted, seconds = 0, signal: [name, times] = ['', 0] } = args as Wanted;
  if (times > 0) what.changes();
  for (let n = 0; n < times; n += 1) send(app, name, master);
  const enough = () => {
    const now = state(app, master);
    if (now.master === null || now.master !== (masterStart ?? now.master)) return true;
    if (booted !== undefined) return now.workers.filter((w) => !old.includes(w.pid) && w.booted).length >= booted;
    return !now.workers.some((w) => old.includes(w.pid));
  };
  return {
    later: until(what, enough, seconds, () => json({ ...state(app, master), uptime: app.uptime() })),
  };
};
