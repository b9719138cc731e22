import { asWeb } from './agent-as-web.ts';
import { compile, inventory, pack, place, revisions, save, site, sweep, unpack } from './agent-files.ts';
import { drain, programs, routes, workers } from './agent-processes.ts';
import type { AppContainer } from './app-container.ts';
import { unknown } from './flags.ts';
import type { Inside } from './in-container.ts';
import type { Reply } from './process.ts';

export type Args = Readonly<Record<string, unknown>>;
export type Agent = (what: Inside, app: AppContainer, args: Args) => Reply;

/** What `lib/domain/app/agent/*.py` do, done on the model; with the arguments that each must get and may get. */
const AGENTS: Readonly<Record<string, readonly [needed: string, optional: string, does: Agent]>> = {
  as_web: ['like argv cwd env log told trial tree root leave seconds', '', asWeb],
  drain: ['ports restarted seconds stop stopSeconds', 'nginx', drain],
  compile: ['staged root files', '', compile],
  inventory: ['root skipped also contents', '', inventory],
  pack: ['paths', '', pack],
  place: ['put remove caches saved suffix keptDirectories touch', '', place],
  programs: ['schedulerVariable marker', '', programs],
  revisions: ['root directory revision', '', revisions],
  routes: ['', '', routes],
  save: ['paths into killed list', '', save],
  site: ['template rendered env', '', site],
  sweep: ['staging kept', '', sweep],
  unpack: ['tar root gone', '', unpack],
  workers: ['master', 'before bring signal wanted settled old drops seconds', workers],
};

/** `python - <name>` with a script of ours as its input. */
export function agent(what: Inside, app: AppContainer, name: string): Reply {
  const args = argumentsOf(name, what.input.toString('utf8'));
  const [, , does] = AGENTS[name] as (typeof AGENTS)[string] & object;
  return does(what, app, args);
}

/** What a script of ours was given stands in its first lines. */
export function argumentsOf(name: string, text: string): Args {
  const [, json = ''] = /^ARGS = json\.loads\((".*")\)$/m.exec(text) ?? [];
  const args = JSON.parse(JSON.parse(json) as string) as Args;
  const [needed, optional] = AGENTS[name] ?? unknown(`the script ${name}`);
  const [must, may] = [needed, optional].map((s) => s.split(' ').filter(Boolean)) as [string[], string[]];
  const strange = Object.keys(args).filter((a) => !must.includes(a) && !may.includes(a));
  if (strange.length > 0 || must.some((a) => !(a in args)) || !text.trimEnd().endsWith('main()'))
    unknown(`the script ${name} with ${Object.keys(args).join(' ')}`);
  return args;
}

export const json = (value: unknown): Reply => ({ stdout: `${JSON.stringify(value)}\n` });

export const traceback = (why: string): Reply => ({
  exitCode: 1,
  stderr: `Traceback (most recent call last):\n${why}\n`,
});
