import { lstatSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import type { RunOps } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { compareWithCompose } from './compare.ts';
import { type EnvFinding, readEnvText } from './file.ts';
import { type EnvProblem, envProblems } from './schema.ts';
import { registerEnvSecrets } from './secrets.ts';
import { stampProblems } from './stamp.ts';

export type EnvReading =
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreadable'; readonly why: Text }
  | {
      readonly kind: 'present';
      /** What all readers agree on. Contains secrets. */
      readonly values: Readonly<Record<string, string>>;
      /** Permission bits, such as 0o600. */
      readonly mode: number;
      /** Lines to be changed, and the file's mode. Those of severity `error` must stop a run. */
      readonly findings: readonly EnvFinding[];
      /** Broken rules of the application. */
      readonly problems: readonly EnvProblem[];
      /** Values that compose reads otherwise, although the lines look harmless. */
      readonly comparedWithCompose: readonly EnvFinding[];
    };

/**
 * Reads and judges `<deploy dir>/.env`: all that is wrong with it, at once. Its secrets are registered before anything else
 * happens, however broken it is.
 *
 * @throws {CommandError} when compose can't be asked.
 */
export async function readEnv(ops: RunOps & Pick<Ops, 'target'>): Promise<EnvReading> {
  const file = path.join(ops.target.dir, '.env');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  } catch (error) {
    return isAbsent(error, file) ? { kind: 'absent' } : { kind: 'unreadable', why: whyUnreadable(error) };
  }
  const { values, undecided, findings } = readEnvText(text);
  registerEnvSecrets(ops.secrets, text);
  const mode = statSync(file).mode & 0o777;
  const compared = await compareWithCompose(ops, ops.target.dir, values);
  // What compose refuses altogether, a finding of ours usually names better.
  const named = findings.some((f) => f.severity === 'error') ? compared.filter((f) => f.variable !== '') : compared;
  return {
    kind: 'present',
    values,
    mode,
    findings: mode & 0o077 ? [...findings, tooOpen(mode)] : findings,
    problems: [
      ...envProblems(values, ops.target.services, undecided),
      ...stampProblems(ops.target, (name) => name in values || undecided.has(name)),
    ],
    comparedWithCompose: named,
  };
}

/** A link that points to nothing is not absent: creating the file would write somewhere else. */
function isAbsent(error: unknown, file: string): boolean {
  return code(error) === 'ENOENT' && lstatSync(file, { throwIfNoEntry: false }) === undefined;
}

const code = (error: unknown) => (error as NodeJS.ErrnoException).code ?? '';

/** The reason and the remedy for an error of reading `.env`. */
export const whyUnreadable = (error: unknown): Text =>
  UNREADABLE[code(error)] ?? { en: `.env can’t be read (${code(error)})`, zh: `无法读取 .env (${code(error)})` };

const NOT_FOR_US: Text = {
  en: '.env may not be read by this user. Use the user who deploys, or have its owner changed: ls -l .env',
  zh: '当前用户无权读取 .env. 请使用部署用户运行, 或调整文件属主: ls -l .env',
};

const UNREADABLE: Readonly<Record<string, Text>> = {
  EISDIR: {
    en: '.env is a directory: Docker makes one when a container that mounts .env starts without it. Remove it: rmdir .env',
    zh: '.env 是一个目录: 容器挂载 .env 而文件不存在时, Docker 会自动创建目录. 请删除: rmdir .env',
  },
  EACCES: NOT_FOR_US,
  EPERM: NOT_FOR_US,
  ENOENT: { en: '.env is a link that points to nothing: ls -l .env', zh: '.env 是一个失效的符号链接: ls -l .env' },
  ERR_ENCODING_INVALID_ENCODED_DATA: {
    en: '.env is not valid UTF-8 (saved as GBK perhaps). Convert it: iconv -f GBK -t UTF-8 .env',
    zh: '.env 不是有效的 UTF-8 (可能保存成了 GBK). 请转换编码: iconv -f GBK -t UTF-8 .env',
  },
};

const tooOpen = (mode: number): EnvFinding => ({
  variable: '',
  line: 0,
  cause: {
    en: `other users of this machine can read it (mode ${mode.toString(8).padStart(4, '0')}). Fix: chmod 600 .env`,
    zh: `本机其他用户可以读取该文件 (权限 ${mode.toString(8).padStart(4, '0')}). 修复: chmod 600 .env`,
  },
  severity: 'warning',
});
