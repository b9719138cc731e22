import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Paths } from '../../core/ops.ts';
import type { Language } from '../../core/text.ts';
import { readRequests } from '../../domain/ledger/requests.ts';
import { type Run, readRun } from '../../domain/ledger/runs.ts';
import { writeAtomically } from '../../tools/files/durable.ts';
import { stateText } from '../interrupted/messages.ts';
import { html } from './html.ts';
import { document, pageOf, SWITCH } from './page.ts';

/** Writes a run's report beside its journal, for its owner alone. @returns the file */
export async function writeReport(paths: Pick<Paths, 'state'>, name: string, language: Language): Promise<string> {
  const run = readRun(paths, name);
  const file = reportFile(run.dir);
  await writeAtomically(file, pageOf(run, readRequests(run.dir), language));
  return file;
}

const reportFile = (dir: string) => path.join(dir, 'report.html');

/** Writes the list of runs, which leads to their reports. @returns the file */
export async function writeIndex(
  paths: Pick<Paths, 'state'>,
  runs: readonly Run[],
  language: Language,
): Promise<string> {
  const rows = runs.map((run) => {
    const { name, script, user, started, dir } = run;
    const link = existsSync(reportFile(dir))
      ? html`<a href="${encodeURIComponent(name)}/report.html">${script}</a>`
      : html`${script}`;
    const kind = run.state.kind === 'ended' && run.state.exitCode === 0 ? 'good' : 'bad';
    return html`<tr><td>${started?.slice(0, 16).replace('T', ' ') ?? '-'}</td><td>${link}</td><td class="less">${user ?? '-'}</td><td class="${kind}">${stateText(run)}</td></tr>\n`;
  });
  const head = [
    { en: 'began (UTC)', zh: '开始 (UTC)' },
    { en: 'script', zh: '脚本' },
  ].map((text) => html`<th>${text}</th>`);
  const body = html`<section>${SWITCH}<h1>${{ en: 'Runs', zh: '运行记录' }}</h1><table class="wide"><tr>${head}<th class="less">${{ en: 'by', zh: '执行者' }}</th><th>${{ en: 'how it ended', zh: '结果' }}</th></tr>
${rows}</table></section>`;
  const file = path.join(paths.state, 'runs', 'index.html');
  await writeAtomically(file, document('whalefall-ops', body, language));
  return file;
}
