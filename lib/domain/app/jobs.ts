import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { CommandError } from '../../core/run.ts';
import { given, printable, type Text } from '../../core/text.ts';
import { type Database, literal, query } from '../../tools/postgres/psql.ts';
import type { Job, Jobs } from '../stack/deployment.ts';
import type { Program, Programs } from './programs.ts';

const rows = z.array(z.object({ name: z.string(), since: z.iso.datetime({ offset: true }) }));

/** The processes that run the release's code: a gunicorn's workers, or the program itself. */
type Working = Pick<Programs, 'web' | 'companions' | 'uptime'>;

/**
 * What the application says that it is working on, in a table of its own (`jobs` in the target configuration). It ends with the process that is at it. A row from
 * before all processes is nobody's: one that was cut left it.
 */
export async function surveyJobs(ops: Ops, db: Database, programs: Working): Promise<Jobs> {
  const from = oldestOf(ops, programs);
  return { from, underWay: await rowsOf(ops, db, `${ops.target.jobs.since} > ${literal(from)}`) };
}

/**
 * Those that a change of processes has cut: they are said to run, and nobody is left who could be at them.
 *
 * @param before as surveyed before the change. @param programs as they run now.
 */
export async function cutJobs(ops: Ops, db: Database, before: Jobs, programs: Working): Promise<readonly Job[]> {
  const { since } = ops.target.jobs;
  const to = oldestOf(ops, programs);
  return (await rowsOf(ops, db, `${since} > ${literal(before.from)} AND ${since} < ${literal(to)}`)) ?? [];
}

function oldestOf({ clock }: Ops, { web, companions, uptime }: Working): string {
  const working = (program: Program) => (program.workers.length > 0 ? program.workers : [program]);
  const starts = [web, ...companions].flatMap(working).map(({ start }) => start);
  return new Date(clock.now() - (uptime - Math.min(uptime, ...starts)) * 1000).toISOString();
}

async function rowsOf(ops: Ops, db: Database, when: string): Promise<readonly Job[] | undefined> {
  const { table, name, since, running } = ops.target.jobs;
  try {
    const [there] = await query<boolean>(ops, db, `SELECT to_json(to_regclass(${literal(table)}) IS NOT NULL)`);
    if (!there) return [];
    const sql = `SELECT json_build_object('name', ${name}, 'since', ${since}) FROM ${table} WHERE (${running}) AND ${when} ORDER BY ${since}`;
    return rows.parse(await query(ops, db, sql));
  } catch (error) {
    // A table of the same name with other columns, or one that is locked: nothing is said of what is not known.
    if (error instanceof CommandError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

const SHOWN = 5;

const listed = (jobs: readonly Job[]): string => {
  const at = (since: string) => `${new Date(since).toISOString().slice(0, 19)}Z`;
  const some = jobs.slice(0, SHOWN).map(({ name, since }) => `${printable(name)} (${at(since)})`);
  return `${some.join(', ')}${jobs.length > SHOWN ? `, … (${jobs.length})` : ''}`;
};

/** For a plan. */
export function jobsTexts(jobs: Jobs | undefined): Text[] {
  if (jobs && !jobs.underWay) return [UNKNOWN];
  return given(jobs?.underWay?.length && listed(jobs.underWay), (list) => ({
    en: `Jobs under way: ${list}. They end half done with the processes that are at them. To let them end first, run this again later.`,
    zh: `正在执行的任务: ${list}. 进程被替换时任务会中断. 如需等其完成, 请稍后再运行.`,
  }));
}

const UNKNOWN: Text = {
  en: 'Which jobs the application is at is not known: the table that says so could not be read (`jobs` in the target configuration).',
  zh: '无法读取任务表, 不清楚应用正在执行哪些任务 (目标配置中的 `jobs`).',
};

/** For a summary. */
export function cutTexts(jobs: readonly Job[]): Text[] {
  return given(jobs.length && listed(jobs), (list) => ({
    en: `jobs were cut: ${list}; the application still calls them running`,
    zh: `任务被中断: ${list}; 应用中仍显示为运行中`,
  }));
}
