import type { Ops } from '../../core/ops.ts';
import type { Row } from '../../core/screen.ts';
import type { TargetConfig } from '../../core/target.ts';
import { given, same, type Text } from '../../core/text.ts';
import { definitionOf, variablesOf } from '../../tools/docker/definition.ts';
import type { EnvProblem } from './schema.ts';
import { registerVariables } from './secrets.ts';

type Stamped = { readonly release: Pick<TargetConfig['release'], 'stamp'> };

/** The variables by which the application is told the commit that it runs. @param commit a full id. */
export const stampOf = ({ release }: Stamped, commit: string): Record<string, string> =>
  Object.fromEntries(release.stamp.map((name) => [name, commit]));

/** Those of them by which a container was told something else. Pure. */
export const staleStamps = (
  { release }: Stamped,
  commit: string,
  variables: Readonly<Record<string, string>>,
): string[] => release.stamp.filter((name) => variables[name] !== commit);

/** What is wrong with them; undefined where all say this commit. Pure. */
export function stampFault(target: Stamped, commit: string, variables: Readonly<Record<string, string>>) {
  const names = staleStamps(target, commit, variables).join(', ');
  return names === '' ? undefined : { en: `${names} is not the commit`, zh: `${names} 不是当前提交` };
}

/** The same, asked of a container. */
export async function askStamp(ops: Ops, container: string, commit: string): Promise<Text | undefined> {
  if (ops.target.release.stamp.length === 0) return undefined;
  const variables = variablesOf(await definitionOf(ops, container));
  registerVariables(ops.secrets, variables);
  return stampFault(ops.target, commit, variables);
}

/** `.env` must not have them: the container's start script reads the file after the container was given the commit. Pure. */
export const stampProblems = ({ release }: Stamped, defined: (name: string) => boolean): EnvProblem[] =>
  release.stamp.filter(defined).map((variable) => ({ variable, rule: DELETE_LINE }));

const DELETE_LINE: Text = {
  en: 'is given the commit (release.stamp in the target configuration), and a line in .env would take its place. Delete the line',
  zh: '由脚本写入当前提交 (目标配置中的 release.stamp), 而 .env 中的同名变量会将其覆盖. 请删除该行',
};

/** What a hot release leaves of them: a container keeps the variables that it was made with. */
export function stampStays({ release }: Stamped): Text[] {
  return given(release.stamp.join(', '), (names) => ({
    en: `${names}: a container keeps what it was made with, so the application goes on reporting the former commit there. Afterwards this gives it the one that runs: npx tsx scripts/apply-env.ts`,
    zh: `${names}: 容器的变量在创建时确定, 热更新后应用上报的仍是原来的提交. 如需更新, 请随后执行: npx tsx scripts/apply-env.ts`,
  }));
}

/** Of a plan's table: what will be given the commit. */
export const stampRows = (names: readonly string[]): Row[] =>
  names.length === 0 ? [] : [[{ en: 'gets the commit', zh: '写入提交号' }, same(names.join(', '))]];
