import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { OpsError } from '../../core/errors.ts';
import { misuse } from '../../core/refusal.ts';
import { printable, type Text } from '../../core/text.ts';

type Flag = { readonly help: Text; readonly value?: string; readonly repeats?: true } & (
  | { readonly type: 'boolean' }
  | {
      readonly type: 'string';
      readonly choices?: readonly string[];
      readonly duration?: true;
      /** A whole number from 1 on. */
      readonly count?: true;
      /** What a value looks like; one that does not is refused without being shown, for it may be a secret. */
      readonly pattern?: RegExp;
    }
);

export type Flags = Readonly<Record<string, Flag>>;

/** A word that is no option, such as the backup that is meant; in the order of their declaration. */
export interface Positional {
  /** What it is called among the parsed options; in capitals in the help. */
  readonly name: string;
  readonly help: Text;
  /** May be left out. None that may not follows it. */
  readonly optional?: true;
}

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
      en: "target configuration (JSON) that differs from WhaleFall's (default: WHALEFALL_CONFIG)",
      zh: '与 WhaleFall 默认值不同的目标配置(JSON, 默认: WHALEFALL_CONFIG)',
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
    repeats: true,
    help: {
      en: 'the phrase that would be typed, for automation; once for each question',
      zh: '需要输入的确认短语(用于自动化); 有多个问题时可重复给出',
    },
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
  metrics: {
    type: 'string',
    value: 'FILE',
    help: {
      en: "write how runs ended for Prometheus' textfile collector (NAME.prom)",
      zh: '将运行结果写入 Prometheus textfile (NAME.prom)',
    },
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
  'go-on': {
    type: 'boolean',
    help: {
      en: 'do not ask about an earlier run that did not end; its state is shown all the same',
      zh: '不询问之前未结束的运行(仍会显示其状态)',
    },
  },
  help: { type: 'boolean', help: { en: 'this text', zh: '显示本帮助' } },
  version: { type: 'boolean', help: { en: 'the version', zh: '显示版本' } },
} as const satisfies Flags;

export type Parsed = Readonly<Record<string, string | boolean | undefined>>;

/** The phrase of `--confirm` that answers whether a stack may be taken over; the script itself asks for other ones. */
export const ADOPTS = 'confirm-adopt';
const ADOPTION = /^ADOPT /;

/**
 * Options and positional words by their names.
 *
 * @throws {OpsError} `usage` for an unknown option, a missing or unknown value, and a word that is missing or one too many.
 */
export function parseFlags(argv: readonly string[], flags: Flags, words: readonly Positional[] = []): Parsed {
  const options: ParseArgsConfig['options'] = Object.fromEntries(
    Object.entries(flags).map(([name, f]) => [name, { type: f.type, multiple: f.repeats === true }]),
  );
  refuseMisused(argv, options);
  const { values: said, positionals: given } = parseArgs({ args: [...argv], options, allowPositionals: true });
  const values: Parsed = withPhrases(said as Parsed & { readonly confirm?: readonly string[] });
  for (const [name, flag] of Object.entries(flags)) {
    const value = values[name];
    if (flag.type === 'string' && flag.duration && value !== undefined) duration(String(value));
    if (flag.type === 'string' && flag.count && value !== undefined) count(name, String(value));
    if (flag.type === 'string' && flag.pattern && value !== undefined && !flag.pattern.test(String(value))) {
      throw usage({ en: `--${name}: ${flag.help.en}`, zh: `--${name}: ${flag.help.zh}` });
    }
    if (flag.type === 'string' && flag.choices && value !== undefined && !flag.choices.includes(String(value))) {
      throw usage({
        en: `--${name} takes ${flag.choices.join(' or ')}`,
        zh: `--${name} 只接受 ${flag.choices.join(' 或 ')}`,
      });
    }
  }
  if (values.help || values.version) return values;
  return { ...values, ...positionals(given, words) };
}

/** What `parseArgs` would refuse, in both languages; no value is shown, for it may be a secret. */
function refuseMisused(argv: readonly string[], options: NonNullable<ParseArgsConfig['options']>): void {
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true, allowPositionals: true });
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const option = printable(token.rawName);
    const type = Object.hasOwn(options, token.name) ? options[token.name]?.type : undefined;
    if (type === undefined) throw usage({ en: `unknown option: ${option}`, zh: `未知选项: ${option}` });
    const { value, inlineValue } = token;
    if (type === 'boolean') {
      if (value !== undefined) throw usage({ en: `${option} takes no value`, zh: `${option} 不接受参数值` });
    } else if (value === undefined || (!inlineValue && /^-./.test(value))) {
      throw usage({
        en: `${option}: its value is missing (one that begins with - is written ${option}=…)`,
        zh: `${option} 缺少参数值 (以 - 开头的值请写成 ${option}=…)`,
      });
    }
  }
}

/**
 * How a command line wants to be answered, also where nothing else in it can be understood.
 *
 * @returns the last of each that it has; no language where it names none, or none that there is.
 */
export function wantedOutput(argv: readonly string[]): {
  readonly language: keyof Text | undefined;
  readonly json: boolean;
} {
  const options = { lang: { type: 'string' }, json: { type: 'boolean' } } as const;
  const { lang, json } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true }).values;
  return { language: COMMON_FLAGS.lang.choices.find((each) => each === lang), json: json !== undefined };
}

function withPhrases({ confirm = [], ...values }: Omit<Parsed, 'confirm'> & { readonly confirm?: readonly string[] }) {
  const adopts = confirm.findLast((phrase) => ADOPTION.test(phrase));
  const own = confirm.findLast((phrase) => !ADOPTION.test(phrase));
  return { ...values, ...(own !== undefined && { confirm: own }), ...(adopts !== undefined && { [ADOPTS]: adopts }) };
}

function positionals(given: readonly string[], words: readonly Positional[]): Parsed {
  const extra = given[words.length];
  if (extra !== undefined) {
    throw usage({ en: `unexpected word: ${printable(extra)}`, zh: `多余的参数: ${printable(extra)}` });
  }
  const values: Record<string, string> = {};
  words.forEach((word, i) => {
    const value = given[i];
    const shown = word.name.toUpperCase();
    if (value !== undefined && value !== '') values[word.name] = value;
    else if (!word.optional || value === '') {
      throw usage({ en: `${shown} is missing: ${word.help.en}`, zh: `缺少参数 ${shown}: ${word.help.zh}` });
    }
  });
  return values;
}

/** Milliseconds of `45`, `45s`, `10m`, `1h`. @throws {OpsError} `usage` */
export function duration(text: string): number {
  const m = /^(\d+)(s|m|h)?$/.exec(text);
  if (!m) {
    const shown = printable(text);
    throw usage({ en: `not a duration: ${shown} (e.g. 30s, 10m)`, zh: `无法识别的时长: ${shown} (例如 30s, 10m)` });
  }
  return Number(m[1]) * { s: 1000, m: 60_000, h: 3_600_000 }[(m[2] ?? 's') as 's' | 'm' | 'h'];
}

/** A whole number from 1 on. @throws {OpsError} `usage` */
function count(name: string, text: string): void {
  if (!/^[1-9]\d{0,5}$/.test(text)) {
    throw usage({
      en: `--${name} takes a whole number from 1 on, not ${printable(text)}`,
      zh: `--${name} 只接受正整数, 而不是 ${printable(text)}`,
    });
  }
}

export const usage = (what: Text): OpsError =>
  misuse(what, { en: '--help lists the options.', zh: '--help 列出全部选项.' });
