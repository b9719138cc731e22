import { parse } from 'dotenv';
import type { Secrets } from '../../core/secrets.ts';
import { readEnvText } from './file.ts';
import { scanEnv } from './lines.ts';

const SECRET_NAME = /PASSWORD|PASSWD|SECRET|KEY|TOKEN/i;
const URL_PASSWORD = /^['"]?[a-z][a-z0-9+.-]*:\/\/([^:/@]*):(.+)@/i;
/** Switches that happen to be named like secrets; hiding these words everywhere would hide what people are told. */
const NO_SECRET = /^(true|false|none|null)$/i;

/** Values among variables that must not be shown: by the variable's name, and URLs with a password in them. */
function secretsOf(variables: Readonly<Record<string, string>>): string[] {
  return Object.entries(variables).flatMap(([name, value]) => {
    const password = URL_PASSWORD.exec(value)?.[2];
    return [
      ...(SECRET_NAME.test(name) && !NO_SECRET.test(value) ? [value] : []),
      ...(password === undefined ? [] : [value, password, unquotePercent(password)]),
    ];
  });
}

/**
 * Registers every secret of a `.env` text, however broken, in each shape in which one of its readers could repeat it in a
 * message. Call it before anything about the file is shown and before compose reads it.
 */
export function registerEnvSecrets(secrets: Secrets, text: string): void {
  for (const line of scanEnv(text).lines) {
    const [first = '', ...rest] = line.raw.split('\n');
    // Lines without a variable, and rests of a value that went over its line: nothing in them can be told from a secret.
    for (const part of line.form === 'other' ? [first, ...rest] : rest) secrets.add(part.trim(), bare(part));
    if (line.form === 'other') continue;
    for (const value of [line.raw, first.trim(), bare(first)]) registerVariables(secrets, { [line.name]: value });
  }
  registerVariables(secrets, parse(text));
  registerVariables(secrets, readEnvText(text).values);
}

/** Registers the secrets among variables, also with `$` doubled as compose prints it. */
export function registerVariables(secrets: Secrets, variables: Readonly<Record<string, string>>): void {
  for (const value of secretsOf(variables)) secrets.add(value, value.replaceAll('$', '$$$$'));
}

/** Without surrounding blanks, quotes and a comment. */
const bare = (raw: string): string =>
  raw
    .replace(/ #.*$/s, '')
    .trim()
    .replace(/^['"]|['"]$/g, '');

/** Percent-decoding as Python does it for the application: what is no valid sequence stays as it is. */
export function unquotePercent(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (hex) => Buffer.from(hex.replaceAll('%', ''), 'hex').toString('utf8'));
}
