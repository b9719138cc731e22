import type { Ops } from '../../core/ops.ts';
import { given, printable, type Text } from '../../core/text.ts';
import { showFile } from '../../tools/git/tree.ts';
import { readEnvText } from './file.ts';

type Values = Readonly<Record<string, string>>;

/** `.env` against the example of a release. Names only. */
export interface ExampleFacts {
  /** Variables that the example has and `.env` has not. */
  readonly missing: readonly string[];
  /** Secrets that still have the example's value. */
  readonly unchanged: readonly string[];
  /** Other variables that still have a value of the example which says itself that it is to be replaced. */
  readonly placeholders: readonly string[];
  /** Secrets that are short or a word that everybody tries. */
  readonly weak: readonly string[];
}

/** Against the example that a commit has. */
export async function surveyExample(ops: Ops, commit: string, values: Values): Promise<ExampleFacts> {
  const { missing, ...facts } = exampleFacts(values, (await showFile(ops, commit, ops.target.envExample)) ?? '');
  const { stamp } = ops.target.release;
  return { ...facts, missing: missing.filter((name) => !stamp.includes(name)) };
}

/** Pure. */
export function exampleFacts(values: Values, example: string): ExampleFacts {
  const named = [...example.matchAll(/^([A-Z][A-Z0-9_]*)=/gm)].map(([, name = '']) => name);
  return judgeSecrets(values, readEnvText(example).values, [...new Set(named)]);
}

/** Of those whose names say that they are secrets. What is a URL with a password in it is judged by the password's own variable. */
const SECRET = /(PASSWORD|SECRET|KEY|TOKEN)$/;
const SHORTEST = 12;
const COMMON = /^(.)\1*$|password|passwd|changeme|change_me|secret|admin|123456|qwerty|whalefall|example|default|test/i;

/** Defaults that are good for everybody are in an example, too: only what nobody can mean is told. example.com belongs to no one (RFC 2606). */
const PLACEHOLDER =
  /^(please[-_ ]?)?(change|replace|edit|fill)[-_ ]?(me|this|it|in|out)(?![a-z0-9])|^your[-_ ]|^<.*>$|^x{3,}$|^(todo|tbd|fixme)$|(^|[@./ ])example\.(com|org|net)(?![a-z0-9])|^(请|待)(填|改|修改|替换)/i;

/** Which secrets anybody could guess, and what nobody has filled in. Pure; values in, names out. */
export function judgeSecrets(values: Values, example: Values, named: readonly string[]): ExampleFacts {
  const secrets = Object.entries(values).filter(([name, value]) => SECRET.test(name) && value !== '');
  const unchanged = secrets.filter(([name, value]) => example[name] === value).map(([name]) => name);
  const weak = secrets.filter(([name, value]) => !unchanged.includes(name) && isWeak(value)).map(([name]) => name);
  const placeholders = Object.entries(values)
    .filter(([name, value]) => !SECRET.test(name) && example[name] === value && PLACEHOLDER.test(value))
    .map(([name]) => name);
  return { missing: named.filter((name) => !(name in values)), unchanged, placeholders, weak };
}

/** Short, or little more than a word that everybody tries first. */
const isWeak = (value: string): boolean => value.length < SHORTEST || value.replace(COMMON, '').length < SHORTEST / 2;

/** What a plan says of them. */
export function exampleTexts(file: string, { missing, unchanged, placeholders }: ExampleFacts): Text[] {
  const list = (names: readonly string[]) => names.map(printable).join(', ');
  return [
    ...given(missing.length > 0, () => ({
      en: `${file} of this release has variables that .env lacks: ${list(missing)}. Set them, or the release goes by its own defaults.`,
      zh: `本版本的 ${file} 中有 .env 缺少的变量: ${list(missing)}. 请补充, 否则使用程序自带的默认值.`,
    })),
    ...given(unchanged.length > 0, () => ({
      en: `.env still has the value of ${file}, which everybody can read: ${list(unchanged)}.`,
      zh: `.env 中仍为 ${file} 的示例值 (任何人都可看到): ${list(unchanged)}.`,
    })),
    ...given(placeholders.length > 0, () => ({
      en: `.env still has the placeholder of ${file}: ${list(placeholders)}.`,
      zh: `.env 中仍为 ${file} 的占位值, 尚未填写: ${list(placeholders)}.`,
    })),
  ];
}
