import type { OpsError } from '../../core/errors.ts';
import { refuse } from '../../core/refusal.ts';
import { asTyped, type RunOps } from '../../core/run.ts';
import { printable, same } from '../../core/text.ts';
import { localSettings, type Setting } from './settings.ts';

const WORD = String.raw`["']?[\w./~@][\w./~@:-]*["']?`;
const SSH_OPTION =
  'IdentitiesOnly|IdentityFile|StrictHostKeyChecking|UserKnownHostsFile|BatchMode|ConnectTimeout|ServerAlive\\w+|Port|User';

/** Settings that are commands, and the values that run nothing but git's own programs and ssh, which a key is chosen for. */
const COMMANDS: readonly (readonly [name: RegExp, harmless: RegExp])[] = [
  [/^core\.sshcommand$/, RegExp(`^(/usr/bin/)?ssh( +(-[46q]|-[ip] *${WORD}|-o *(${SSH_OPTION})=${WORD}))* *$`)],
  // The name of a helper that is installed, and its options; else git takes it for a command.
  [/^credential\.(.*\.)?helper$/s, /^([a-z][\w-]*( +[\w./~=:-]+)*)?$/],
  [/^core\.gitproxy$/, /^none( for .*)?$/],
  [/^core\.(askpass|alternaterefscommand)$/, /^(?!)/],
  [/^remote\..*\.vcs$/s, /^(?!)/],
  [/^hook\..*\.command$/s, /^(?!)/], // git 2.54
];

const PATTERN = '^(core|credential|remote|hook)\\.';

/**
 * What can't be switched off by an option without switching off the person's own as well: programs that the repository's configuration would
 * have git run when it talks to a remote.
 *
 * @throws {OpsError} `precondition`, naming the settings; their values may hold secrets.
 */
export async function refuseForeignPrograms(ops: RunOps, dir: string): Promise<void> {
  const settings = await localSettings(ops, dir, PATTERN);
  const foreign = settings.filter(({ name, value }) =>
    COMMANDS.some(([command, harmless]) => command.test(name) && !harmless.test(value)),
  );
  if (foreign.length > 0) throw wouldRun(dir, foreign);
}

function wouldRun(dir: string, settings: readonly Setting[]): OpsError {
  const names = printable([...new Set(settings.map(({ name }) => name))].join(', '));
  const removals = settings.map(({ name, file }) =>
    asTyped(['git', '-C', dir, 'config', '--file', file, '--unset-all', name]),
  );
  return refuse(
    {
      en: `The repository's own configuration has git run programs: ${names}`,
      zh: `仓库自身的配置会让 git 运行外部程序: ${names}`,
    },
    {
      en: 'If it is meant, make it your own: git config --global <name> <value>. Then take it out here:',
      zh: '若确需该设置, 请写入个人配置: git config --global <名称> <值>. 然后从仓库配置中删除:',
    },
    ...[...new Set(removals)].map((typed) => same(typed)),
  );
}
