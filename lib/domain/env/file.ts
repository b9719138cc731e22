import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'dotenv';
import type { Target } from '../../core/target.ts';
import type { Text } from '../../core/text.ts';
import { CAUSES, definedLater, duplicate } from './causes.ts';
import { type EnvLine, type EnvLines, scanEnv } from './lines.ts';
import { acceptValue, expand, referencesOf } from './value.ts';

/** Something about a line of `.env` that a person should change. Never contains any part of a value. */
export interface EnvFinding {
  /** '' when the finding is about the file, or about a line that has no variable. */
  readonly variable: string;
  /** From 1; 0 for the file as a whole. */
  readonly line: number;
  readonly cause: Text;
  /** `error`: readers differ, or something would be executed. `warning`: works, but should be changed. */
  readonly severity: 'error' | 'warning';
}

export interface EnvText {
  /** What compose, dotenv and `source` agree on, references replaced. With CRLF: without the CR. Contains secrets. */
  readonly values: Readonly<Record<string, string>>;
  /** Variables that the file defines in a way on which the readers disagree; they are not in `values`. */
  readonly undecided: ReadonlySet<string>;
  readonly findings: readonly EnvFinding[];
}

// Assigning these is an error in bash, is undone by it, or changes how the start script itself works.
const RESERVED =
  /^(_|UID|EUID|PPID|GROUPS|PATH|HOME|IFS|ENV|PWD|OLDPWD|PS4|OPTIND|OPTARG|OPTERR|RANDOM|SRANDOM|SECONDS|LINENO|EPOCH(SECONDS|REALTIME)|SHELLOPTS|POSIXLY_CORRECT|FUNC(NAME|NEST)|DIRSTACK|HISTCMD|PIPESTATUS|COMP_WORDBREAKS|BASH.*|LD_.*|GLIBC_TUNABLES)$/;

/**
 * Reads a `.env` text as its three readers do: compose, dotenv with `${NAME}` expansion, and bash's `source` in the
 * container. Lines on which they would differ are findings, not values. Nothing is executed.
 */
export function readEnvText(text: string): EnvText {
  const scanned = scanEnv(text);
  const findings = fileFindings(scanned);
  const dotenv = parse(text);
  const firstLine = new Map<string, number>();
  for (const l of scanned.lines) if (l.name && !firstLine.has(l.name)) firstLine.set(l.name, l.number);

  const values = new Map<string, string>();
  // With two definitions, compose's env_file puts the last one also into `${NAME}` between them, others the first.
  const undecided = new Set(
    scanned.lines.filter((l) => l.name && firstLine.get(l.name) !== l.number).map((l) => l.name),
  );
  for (const line of scanned.lines) {
    const error = (cause: Text) => {
      findings.push({ variable: line.name, line: line.number, cause, severity: 'error' });
      if (line.name) undecided.add(line.name);
      for (const m of line.raw.matchAll(/\n[ \t]*([A-Z][A-Z0-9_]*)=/g)) undecided.add(m[1] as string); // swallowed by a quote
    };
    const shape = shapeCause(line, firstLine);
    if (shape) {
      error(shape);
      continue;
    }
    if (line.exported) {
      findings.push({ variable: line.name, line: line.number, cause: CAUSES.exported, severity: 'warning' });
    }
    const value = acceptValue(line);
    if (!('raw' in value)) {
      error(value);
      continue;
    }
    const references = referencesOf(value);
    const unknown = references.find((name) => !values.has(name) && !undecided.has(name));
    if (unknown !== undefined) {
      const later = firstLine.get(unknown) ?? 0;
      error(later > line.number ? definedLater(unknown, later) : CAUSES.undefinedReference);
    } else if (references.some((name) => undecided.has(name))) {
      undecided.add(line.name); // the finding is at the other variable
    } else if (dotenv[line.name] !== value.raw && !undecided.has(line.name)) {
      error(CAUSES.dotenv);
    } else {
      const known = (name: string) => values.get(name) ?? '';
      values.set(line.name, expand(value, known));
    }
  }
  for (const name of undecided) values.delete(name);
  return { values: Object.fromEntries(values), undecided, findings };
}

/** What `.env` in the deploy directory gives; nothing where it can't be read. Contains secrets. */
export function envValues({ target }: { readonly target: Pick<Target, 'dir'> }): Readonly<Record<string, string>> {
  try {
    return readEnvText(readFileSync(path.join(target.dir, '.env'), 'utf8')).values;
  } catch {
    return {};
  }
}

function shapeCause(line: EnvLine, firstLine: ReadonlyMap<string, number>): Text | undefined {
  if (line.form === 'other') return CAUSES.notAssignment;
  if (line.form === 'spaced') return CAUSES.spaced;
  const first = firstLine.get(line.name) ?? line.number;
  if (first !== line.number) return duplicate(first);
  return RESERVED.test(line.name) ? CAUSES.reserved : undefined;
}

function fileFindings(scanned: EnvLines): EnvFinding[] {
  const at = (line: number, cause: Text): EnvFinding => ({ variable: '', line, cause, severity: 'error' });
  return [
    ...(scanned.bom ? [at(1, CAUSES.bom)] : []),
    ...(scanned.crlf === undefined ? [] : [at(scanned.crlf, CAUSES.crlf)]),
    ...(scanned.oddComment === undefined ? [] : [at(scanned.oddComment, CAUSES.control)]),
  ];
}
