// biome-ignore-all lint/suspicious/noTemplateCurlyInString: lines of .env files
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse } from 'dotenv';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parserProbe } from '../../lib/domain/env/compare.ts';
import { readEnvText } from '../../lib/domain/env/file.ts';
import { PREAMBLE, READINGS } from '../unit/domain/env/readers.table.ts';
import { itInFull } from './thorough.ts';

// What the real compose and the real bash read from `.env` files: everything that lib/domain/env/*.ts assumes.

type Values = Record<string, string | null>;
interface Readings {
  interpolated: Values;
  envFile: Values;
  dotenv: Values;
  bash: Values;
}

/** All readers on one file; `null`: undefined there, or the reader failed. */
async function readAll(text: string, names: readonly string[]): Promise<Readings> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'env-readers-'));
  try {
    writeFileSync(path.join(dir, '.env'), text);
    const probe = parserProbe(dir, names);
    const [compose, bash] = await Promise.all([
      output(probe.argv, dir, probe.input),
      output(['bash', '--norc', '--noprofile', '-c', 'set -a; source ./.env; env -0'], dir),
    ]);
    const { interpolated, file } = compose.ok
      ? JSON.parse(compose.stdout.replaceAll('$$', '$')).services
      : { interpolated: {}, file: {} };
    const environment = Object.fromEntries(
      bash.stdout.split('\0').map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
    );
    const pick = (value: (name: string, index: number) => string | null | undefined): Values =>
      Object.fromEntries(names.map((name, i) => [name, value(name, i) ?? null]));
    const dotenv = parse(text);
    const envFile = pick((name) => file.environment?.[name]);
    return {
      envFile,
      // compose inserts '' for what is not defined at all
      interpolated: pick((name, i) => (envFile[name] === null ? null : interpolated.environment?.[`V${i}`])),
      dotenv: pick((name) => dotenv[name]),
      bash: pick((name) => (bash.stderr === '' ? environment[name] : null)),
    };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function output(argv: readonly string[], cwd: string, input = '') {
  const [program = '', ...args] = argv;
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/home/operator', LC_ALL: 'C.UTF-8' };
  return new Promise<{ ok: boolean; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(program, args, { cwd, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
      resolve({ ok: error === null, stdout, stderr }),
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

itInFull('the measured table still holds', { timeout: 300_000 }, async () => {
  const measured: (string | null)[][] = [];
  for (let at = 0; at < READINGS.length; at += 8) {
    const chunk = READINGS.slice(at, at + 8).map(async ([lines]) => {
      const all = await readAll(`${PREAMBLE}${lines}\n`, ['A']);
      const bash = lines.includes('$$') ? all.bash['A']?.replace(/\d+/, '<pid>') : all.bash['A'];
      return [lines, all.interpolated['A'], all.envFile['A'], all.dotenv['A'], bash ?? null] as (string | null)[];
    });
    measured.push(...(await Promise.all(chunk)));
  }
  expect(measured).toEqual(READINGS.map((row) => [...row]));
});

it('random lines that are accepted mean the same to all', { timeout: 120_000 }, async () => {
  const char = fc.constantFrom(
    ...'ab9 $#\'"`\\;&|<>()~!*?[]{}=+,^/-%@:.\t鲸é\u00a0\u3000\u2028\ufeff\u0085\u200b'.split(''),
  );
  const part = fc.oneof(char, char, fc.constantFrom('${B}', '${S}', '${D}', '$B', '$$', ' # x', 'word', ' ', '  '));
  const body = fc.array(part, { maxLength: 10 }).map((parts) => parts.join(''));
  const value = fc.oneof(
    body,
    body.map((b) => `'${b}'`),
    body.map((b) => `"${b}"`),
    body.map((b) => `"${b}" # it's`),
  );
  const accepted = fc
    .sample(value, 6_000)
    .filter((v) => readEnvText(`${PREAMBLE}A=${v}\n`).findings.length === 0)
    .map((v, i) => `A${i}=${v}\n`);
  expect(accepted.length).toBeGreaterThan(1_000);
  const text = PREAMBLE + accepted.join('');
  const { values, findings } = readEnvText(text);
  expect(findings).toEqual([]);
  const all = await readAll(text, Object.keys(values));
  expect(all.interpolated).toEqual(values);
  expect(all.envFile).toEqual(values);
  expect(all.bash).toEqual(values);
});
