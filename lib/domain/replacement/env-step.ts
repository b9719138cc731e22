import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { decline, misconfigured, refuse } from '../../core/refusal.ts';
import { say } from '../../core/screen.ts';
import { joined, type Text } from '../../core/text.ts';
import { createEnvText, GENERATED } from '../env/create.ts';
import type { EnvReading } from '../env/env.ts';
import { readEnvText } from '../env/file.ts';
import { connectionProblems, envProblems } from '../env/schema.ts';
import { stampProblems } from '../env/stamp.ts';
import { replaceEnv, withCandidateEnv, writeEnv } from '../env/write.ts';
import { resolveStack } from '../stack/compose-config.ts';
import { findVolumes } from '../stack/containers.ts';
import type { Facts } from '../stack/deployment.ts';
import { databaseVolume, type Stack } from '../stack/stack.ts';

/**
 * Makes sure of a good `.env` and of the stack that it gives. An absent one is made from env.example with generated secrets, after
 * asking; never when a database volume exists, whose stored credentials a new PASSWORD_ENCRYPTION_KEY could not open.
 *
 * @param resolving the stack, asked for before it was known whether there is a `.env`.
 * @throws {OpsError} `config` with every problem of `.env` at once; `declined`; `precondition` when it is absent and must not be
 *   generated.
 */
export async function prepareEnv(
  ops: Ops,
  reading: EnvReading,
  resolving: Promise<Stack>,
  planOnly: boolean,
): Promise<Pick<Facts, 'env' | 'stack'>> {
  if (reading.kind === 'present') {
    const filled = await fillEmpty(ops, reading, planOnly);
    if (filled !== undefined) return filled;
  }
  if (reading.kind !== 'absent') {
    throwIfBad(ops, reading, await resolving.catch(() => undefined));
    return { env: 'present', stack: await resolving };
  }
  const { text, generated } = candidate(ops);
  const stack = await withCandidateEnv(ops, text, (projectDirectory) => resolveStack(ops, { projectDirectory }));
  const existing = databaseVolume(await findVolumes(ops, stack));
  if (existing) throw mustNotGenerate(existing.name, generated);
  if (planOnly) return { env: 'would-create', stack };
  const agreed = await ops.screen.askYes({
    en: `There is no .env. Create it from ${ops.target.envExample}, with generated ${generated.join(', ')}?`,
    zh: `没有 .env 文件. 是否根据 ${ops.target.envExample} 创建, 并自动生成 ${generated.join(', ')}?`,
  });
  if (!agreed) throw declined();
  await writeEnv(ops, text);
  return { env: 'created', stack: await resolveStack(ops) };
}

/**
 * Somebody has copied env.example and filled in the rest: the secrets are there, and empty. As long as no database depends on what they
 * once were, they are made as for a new file.
 *
 * @returns `undefined` when that is not what is wrong, or not all of it.
 * @throws {OpsError} `declined`; `precondition` when there is a database.
 */
async function fillEmpty(
  ops: Ops,
  { values, problems }: Extract<EnvReading, { kind: 'present' }>,
  planOnly: boolean,
): Promise<Pick<Facts, 'env' | 'stack'> | undefined> {
  if (!problems.some(({ variable }) => GENERATED.includes(variable) && values[variable] === '')) return undefined;
  const filled = createEnvText(readFileSync(path.join(ops.target.dir, '.env'), 'utf8'), randomBytes);
  if (!filled.ok) return undefined;
  const { values: all } = readEnvText(filled.text);
  const left = [...envProblems(all, ops.target.services), ...stampProblems(ops.target, (name) => name in all)];
  if (left.length > 0) return undefined;
  const names = filled.generated.join(', ');
  const stack = await withCandidateEnv(ops, filled.text, (projectDirectory) => resolveStack(ops, { projectDirectory }));
  const existing = databaseVolume(await findVolumes(ops, stack));
  if (existing) throw mustNotFill(existing.name, filled.generated);
  if (planOnly) {
    say(ops.screen, 'info', {
      en: `Would ask whether to fill in what is empty in .env: ${names}`,
      zh: `将询问是否填写 .env 中的空值: ${names}`,
    });
    return { env: 'would-create', stack };
  }
  const agreed = await ops.screen.askYes({
    en: `In .env these are empty: ${names}. Fill them with generated secrets?`,
    zh: `.env 中以下变量为空: ${names}. 是否填入自动生成的密钥?`,
  });
  if (!agreed) throw leftEmpty(names);
  await replaceEnv(ops, filled.text);
  return { env: 'created', stack: await resolveStack(ops) };
}

function throwIfBad(ops: Ops, reading: Exclude<EnvReading, { kind: 'absent' }>, stack: Stack | undefined): void {
  if (reading.kind === 'unreadable') throw bad([reading.why]);
  const line = (f: { variable: string; line: number; cause: Text }): Text => {
    const where = [f.line > 0 ? `.env:${f.line}` : '.env', f.variable].filter(Boolean).join(' ');
    return { en: `${where}: ${f.cause.en}`, zh: `${where}: ${f.cause.zh}` };
  };
  const findings = [...reading.findings, ...reading.comparedWithCompose];
  for (const f of findings.filter((f) => f.severity === 'warning'))
    ops.screen.show({ event: 'warning', text: line(f) });
  // The container's own variables: what the compose file puts together must mean the same database and the same Redis.
  const inContainer = { ...reading.values, ...stack?.services.app.environment };
  const connection = stack ? connectionProblems(inContainer, ops.target.services) : [];
  const said = new Set(reading.problems.map((p) => p.variable));
  const fromFile = (name: string) => stack !== undefined && comesFromFile(stack, name) && !reading.values[name];
  const problems = [...reading.problems, ...connection.filter((p) => !said.has(p.variable))].filter(
    (p) => !fromFile(p.variable),
  );
  const errors = [
    ...findings.filter((f) => f.severity === 'error').map(line),
    ...problems.map((p) => ({ en: `.env ${p.variable}: ${p.rule.en}`, zh: `.env ${p.variable}: ${p.rule.zh}` })),
  ];
  if (errors.length > 0) throw bad(errors);
}

const comesFromFile = ({ services }: Stack, name: string): boolean =>
  Object.values(services).some((s) => s.fromFiles.includes(name));

function candidate(ops: Ops): { text: string; generated: readonly string[] } {
  const file = path.join(ops.target.dir, ops.target.envExample);
  let example: string;
  try {
    example = readFileSync(file, 'utf8');
  } catch (error) {
    const why = whatHappened(error).en;
    throw bad([
      {
        en: `There is no .env, and ${ops.target.envExample} can't be read: ${why}`,
        zh: `没有 .env, 且无法读取 ${ops.target.envExample}: ${why}`,
      },
    ]);
  }
  const created = createEnvText(example, randomBytes, ops.target.release.stamp);
  if (created.ok) return created;
  throw bad([
    ...created.missing.map((name) => ({
      en: `.env is absent, and ${ops.target.envExample} has no value for ${name}: copy it to .env and fill that in`,
      zh: `没有 .env, 且 ${ops.target.envExample} 中 ${name} 为空: 请复制为 .env 并填写`,
    })),
    ...created.findings.map((f) => ({
      en: `${ops.target.envExample}:${f.line} ${f.variable}: ${f.cause.en}`,
      zh: `${ops.target.envExample}:${f.line} ${f.variable}: ${f.cause.zh}`,
    })),
  ]);
}

const bad = (problems: readonly Text[]) =>
  misconfigured(joined(problems, '\n'), { en: 'Correct .env and run again.', zh: '请修正 .env 后重新运行.' });

const mustNotGenerate = (volume: string, generated: readonly string[]) =>
  refuse(
    {
      en: `There is no .env, but the database volume ${volume} exists. New secrets would make the credentials stored in it unreadable, so none are generated.`,
      zh: `没有 .env, 但数据库卷 ${volume} 已存在. 重新生成密钥会使库中保存的凭据无法解密, 因此不会自动生成.`,
    },
    {
      en: `Restore .env from where you keep it; it must have the former ${generated.join(', ')}.`,
      zh: `请找回原来的 .env; 其中必须包含原有的 ${generated.join(', ')}.`,
    },
  );

const mustNotFill = (volume: string, empty: readonly string[]) =>
  refuse(
    {
      en: `In .env these are empty: ${empty.join(', ')}. The database volume ${volume} exists, and new secrets would make the credentials stored in it unreadable, so none are generated.`,
      zh: `.env 中以下变量为空: ${empty.join(', ')}. 数据库卷 ${volume} 已存在, 重新生成密钥会使库中保存的凭据无法解密, 因此不会自动生成.`,
    },
    { en: 'Fill in their former values.', zh: '请填写原有的值.' },
  );

const leftEmpty = (names: string) =>
  decline(
    { en: `.env was left as it is: ${names} are empty.`, zh: `.env 未改动: ${names} 仍为空.` },
    {
      en: 'Fill them in, or agree to have them generated (--yes without a terminal).',
      zh: '请自行填写, 或同意自动生成 (无终端时使用 --yes).',
    },
  );

const declined = () =>
  decline(
    { en: 'There is no .env, and none was created.', zh: '没有 .env, 也未创建.' },
    {
      en: 'Copy env.example to .env and fill it in, or agree to have it created (--yes without a terminal).',
      zh: '请将 env.example 复制为 .env 并填写, 或同意自动创建 (无终端时使用 --yes).',
    },
  );
