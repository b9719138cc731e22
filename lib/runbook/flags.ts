import { type ParseArgsConfig, parseArgs } from 'node:util';
import { OpsError } from '../errors.ts';
import type { Text } from '../text.ts';

type Flag = { readonly help: Text; readonly value?: string } & (
  | { readonly type: 'boolean' }
  | { readonly type: 'string'; readonly choices?: readonly string[]; readonly duration?: true }
);

export type Flags = Readonly<Record<string, Flag>>;

/** What every script understands. */
export const COMMON_FLAGS = {
  dir: {
    type: 'string',
    value: 'DIR',
    help: {
      en: 'deploy directory (default: WHALEFALL_DIR, else the current one)',
      zh: '部署目录(默认: WHALEFALL_DIR, 否则为当前目录)',
    },
  },
  config: {
    type: 'string',
    value: 'FILE',
    help: {
      en: "target configuration (JSON) that differs from WhaleFall's",
      zh: '与 WhaleFall 默认值不同的目标配置(JSON)',
    },
  },
  plan: {
    type: 'boolean',
    help: { en: 'show what would be done, and do nothing', zh: '只显示将要执行的内容, 不做任何改动' },
  },
  'dry-run': { type: 'boolean', help: { en: 'the same as --plan', zh: '等同于 --plan' } },
  yes: { type: 'boolean', help: { en: 'answer harmless questions with yes', zh: '对无害的问题一律回答"是"' } },
  confirm: {
    type: 'string',
    value: 'PHRASE',
    help: { en: 'the phrase that would be typed, for automation', zh: '需要输入的确认短语(用于自动化)' },
  },
  json: {
    type: 'boolean',
    help: {
      en: 'one JSON event a line on stdout, text on stderr',
      zh: '在 stdout 每行输出一个 JSON 事件, 文本输出到 stderr',
    },
  },
  lang: {
    type: 'string',
    value: 'LANG',
    choices: ['zh', 'en'],
    help: { en: 'language (default: from the locale)', zh: '语言(默认取自 locale)' },
  },
  verbose: {
    type: 'boolean',
    help: { en: 'also show each command that changes something', zh: '同时显示每条会产生改动的命令' },
  },
  'lock-wait': {
    type: 'string',
    value: 'TIME',
    duration: true,
    help: {
      en: 'wait for another run to end, e.g. 30s, 10m (default 0)',
      zh: '等待其他运行结束的时间, 如 30s, 10m (默认 0)',
    },
  },
  help: { type: 'boolean', help: { en: 'this text', zh: '显示本帮助' } },
  version: { type: 'boolean', help: { en: 'the version', zh: '显示版本' } },
} as const satisfies Flags;

export type Parsed = Readonly<Record<string, string | boolean | undefined>>;

/** @throws {OpsError} `usage` for an unknown option, a missing or unknown value, or a positional argument. */
export function parseFlags(argv: readonly string[], flags: Flags): Parsed {
  const options: ParseArgsConfig['options'] = Object.fromEntries(
    Object.entries(flags).map(([name, f]) => [name, { type: f.type }]),
  );
  let values: Parsed;
  try {
    values = parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values as Parsed;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw usage({ en: why, zh: `命令行参数有误: ${why}` });
  }
  for (const [name, flag] of Object.entries(flags)) {
    const value = values[name];
    if (flag.type === 'string' && flag.duration && value !== undefined) duration(String(value));
    if (flag.type === 'string' && flag.choices && value !== undefined && !flag.choices.includes(String(value))) {
      throw usage({
        en: `--${name} takes ${flag.choices.join(' or ')}`,
        zh: `--${name} 只接受 ${flag.choices.join(' 或 ')}`,
      });
    }
  }
  return values;
}

/** Milliseconds of `45`, `45s`, `10m`, `1h`. @throws {OpsError} `usage` */
export function duration(text: string): number {
  const m = /^(\d+)(s|m|h)?$/.exec(text);
  if (!m) throw usage({ en: `not a duration: ${text} (e.g. 30s, 10m)`, zh: `无法识别的时长: ${text} (例如 30s, 10m)` });
  return Number(m[1]) * { s: 1000, m: 60_000, h: 3_600_000 }[(m[2] ?? 's') as 's' | 'm' | 'h'];
}

/** The help text: usage line, what the script does, each flag. */
export function helpText(script: string, about: Text, flags: Flags, language: keyof Text): string {
  const rows = Object.entries(flags).map(([name, f]) => {
    const value = f.type === 'string' ? ` ${f.choices?.join('|') ?? f.value ?? 'VALUE'}` : '';
    return [`  --${name}${value}`, f.help[language]] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  const usageLine = language === 'zh' ? '用法' : 'usage';
  return [
    `${usageLine}: npx tsx scripts/${script}.ts [options]`,
    '',
    about[language],
    '',
    ...rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`),
    '',
  ].join('\n');
}

function usage(what: Text): OpsError {
  return new OpsError({ kind: 'usage', what, next: [{ en: '--help lists the options.', zh: '--help 列出全部选项.' }] });
}
