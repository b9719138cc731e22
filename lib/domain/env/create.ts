import { type EnvFinding, readEnvText } from './file.ts';
import { ENV_RULES } from './rules.ts';

export type CreatedEnv =
  | {
      readonly ok: true;
      /** The whole file. Contains secrets. */
      readonly text: string;
      /** Names of the variables that were filled. */
      readonly generated: readonly string[];
    }
  | {
      readonly ok: false;
      /** Required variables that a person must fill in first. */
      readonly missing: readonly string[];
      /** What is wrong with the example's own lines. */
      readonly findings: readonly EnvFinding[];
    };

type Random = (bytes: number) => Buffer;

/** 256 bits. Hexadecimal: no reader, URL or command line changes it, and it never begins with a dash. */
const hex = (random: Random) => random(32).toString('hex');
const fernet = (random: Random) => `${random(32).toString('base64url')}=`;

const GENERATORS: Readonly<Record<string, (random: Random) => string>> = {
  POSTGRES_PASSWORD: hex,
  REDIS_PASSWORD: hex,
  SECRET_KEY: hex,
  JWT_SECRET_KEY: hex,
  PASSWORD_ENCRYPTION_KEY: fernet,
};

/** Secrets that are made where they are empty. */
export const GENERATED: readonly string[] = Object.keys(GENERATORS);

/** `NAME=`, perhaps with empty quotes and a comment. */
const EMPTY = /^([ \t]*([A-Z_]+)=)(?:''|"")?[ \t]*(#.*)?(\r?)$/;

/**
 * Makes a `.env` from env.example: generated values in place of empty secrets, everything else as it stands. A file that would
 * not do is refused: all variables that a person must fill in are named.
 *
 * @param random cryptographically strong bytes.
 * @param leftOut variables that the file shall not have.
 */
export function createEnvText(example: string, random: Random, leftOut: readonly string[] = []): CreatedEnv {
  const generated: string[] = [];
  const wanted = example.split('\n').filter((line) => !leftOut.some((name) => line.trimStart().startsWith(`${name}=`)));
  const lines = wanted.map((line) => {
    const [, before = '', name = '', comment = '', end = ''] = EMPTY.exec(line) ?? [];
    const generate = Object.hasOwn(GENERATORS, name) ? GENERATORS[name] : undefined;
    if (!generate) return line;
    generated.push(name);
    return `${before}${generate(random)}${comment && ` ${comment}`}${end}`;
  });
  const text = lines.join('\n');
  const { values, undecided, findings } = readEnvText(text);
  const errors = findings.filter((f) => f.severity === 'error');
  const missing = ENV_RULES.filter((r) => r.required && !values[r.variable] && !undecided.has(r.variable)).map(
    (r) => r.variable,
  );
  return missing.length + errors.length > 0 ? { ok: false, missing, findings: errors } : { ok: true, text, generated };
}
