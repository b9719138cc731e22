import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { readEnvText } from '../../domain/env/file.ts';
import type { ExampleFacts } from './facts.ts';

type Values = Readonly<Record<string, string>>;

/** `.env` against the example that the release brings. */
export function exampleFacts({ target }: Pick<Ops, 'target'>, values: Values): ExampleFacts {
  const file = path.join(target.dir, target.envExample);
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const given = readEnvText(text).values;
  return judgeSecrets(
    values,
    given,
    [...text.matchAll(/^([A-Z][A-Z0-9_]*)=/gm)].map(([, name = '']) => name),
  );
}

/** Of those whose names say that they are secrets. What is a URL with a password in it is judged by the password's own variable. */
const SECRET = /(PASSWORD|SECRET|KEY|TOKEN)$/;
const SHORTEST = 12;
const COMMON = /^(.)\1*$|password|passwd|changeme|change_me|secret|admin|123456|qwerty|whalefall|example|default|test/i;

/** Which secrets anybody could guess. Pure; values in, names out. */
export function judgeSecrets(values: Values, example: Values, named: readonly string[]): ExampleFacts {
  const secrets = Object.entries(values).filter(([name, value]) => SECRET.test(name) && value !== '');
  const unchanged = secrets.filter(([name, value]) => example[name] === value).map(([name]) => name);
  const weak = secrets.filter(([name, value]) => !unchanged.includes(name) && isWeak(value)).map(([name]) => name);
  return { missing: named.filter((name) => !(name in values)), unchanged, weak };
}

/** Short, or little more than a word that everybody tries first. */
const isWeak = (value: string): boolean => value.length < SHORTEST || value.replace(COMMON, '').length < SHORTEST / 2;
