import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Files } from './git.ts';
import { $ } from './run.ts';
import { APP_DIR } from './templates.ts';

/**
 * What makes the miniature like the deployed application where that hurts: a front end that only the image's build makes, pages and
 * TLS from nginx, a certificate that compose mounts, gevent workers that leave after 1,000 requests, an import that takes 4 s, 1,700 files,
 * 45 tables by 46 migrations, 70 variables in env.example, a worker service of the same image.
 */
export const REAL_DIR = join(import.meta.dirname, 'real');

/** Counted in the deployed application. */
const LIKE = { files: 1700, migrations: 46, tables: 45, variables: 70, importSeconds: 4 } as const;

/** The last revision of the plain miniature: the chain goes on from there. */
const PLAIN_HEAD = '20251231120100';

/** The files that stand beside or in place of the plain miniature's. */
export function realFiles(): Files {
  const own = filesBelow(REAL_DIR).filter((file) => !file.endsWith('.template'));
  const plain = filesBelow(APP_DIR).filter((file) => !file.endsWith('.template'));
  const files: Files = {
    ...Object.fromEntries(own.map((file) => [file, readFileSync(join(REAL_DIR, file), 'utf8')])),
    ...migrations(),
    'env.example': envExample(),
    'app/release.py': appFile('app/release.py').replace('"import_delay": 0,', `"import_delay": ${LIKE.importSeconds},`),
    'frontend/dist/index.html': null,
    '.gitignore': `${appFile('.gitignore')}frontend/dist/\nssl/\n`,
    '.dockerignore': `${appFile('.dockerignore')}frontend/dist/\nssl/\n`,
  };
  const names = new Set([...plain, ...Object.keys(files)]);
  for (let number = 0; names.size < LIKE.files; number += 1) {
    const [name, text] = filler(number);
    files[name] = text;
    names.add(name);
  }
  return files;
}

/** The certificate that compose mounts; nginx does not start without it. */
export async function makeCertificate(deployDir: string): Promise<void> {
  const dir = join(deployDir, 'ssl');
  if (existsSync(join(dir, 'cert.pem'))) return;
  mkdirSync(dir, { recursive: true });
  const to = ['-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')];
  const names = 'subjectAltName=DNS:localhost,DNS:sandbox.invalid'; // as env.example has them
  await $`openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext ${names} ${to}`;
}

/** The newest revision of a fresh one; a further migration comes after it. */
export const REAL_HEAD = revisionOf(LIKE.migrations - plainMigrations().length - 1);

/** A migration that was written for the plain miniature, as the next one here. */
export const afterRealHead = (migration: string): string =>
  migration.replace(`down_revision = "${PLAIN_HEAD}"`, `down_revision = "${REAL_HEAD}"`);

function plainMigrations(): string[] {
  return readdirSync(join(APP_DIR, 'migrations/versions')).filter((name) => name.endsWith('.py'));
}

function revisionOf(number: number): string {
  const day = new Date(Date.UTC(2026, 0, 10 + number * 3));
  return `${day.toISOString().slice(0, 10).replaceAll('-', '')}120000`;
}

function migrations(): Files {
  const plain = plainMigrations().map((name) => appFile(`migrations/versions/${name}`));
  const made = plain.join('\n').match(/CREATE TABLE (?!IF)|create_table\(/g)?.length ?? 0;
  // alembic's own table counts as well.
  const missing = LIKE.tables - made - 1;
  const count = LIKE.migrations - plain.length;
  return Object.fromEntries(
    Array.from({ length: count }, (_, number) => {
      const revision = revisionOf(number);
      const [doc, up, down] =
        number < missing
          ? [
              `Adds a table.`,
              `CREATE TABLE asset_${number} (id serial PRIMARY KEY, name text NOT NULL, seen_at timestamptz DEFAULT now())`,
              `DROP TABLE asset_${number}`,
            ]
          : [
              `Adds a column.`,
              `ALTER TABLE asset_${number - missing} ADD COLUMN owner text`,
              `ALTER TABLE asset_${number - missing} DROP COLUMN owner`,
            ];
      const text = `"""${doc}"""

from alembic import op

revision = "${revision}"
down_revision = "${number === 0 ? PLAIN_HEAD : revisionOf(number - 1)}"


def upgrade():
    op.execute("${up}")


def downgrade():
    op.execute("${down}")
`;
      return [`migrations/versions/${revision}_step_${number}.py`, text];
    }),
  );
}

/** Empty ones, examples that somebody has to replace, and references to one another. */
function envExample(): string {
  const plain = appFile('env.example').trimEnd();
  const known = plain.match(/^[A-Z_]+=/gm)?.length ?? 0;
  const forms = [
    (name: string) => `${name}=`,
    (name: string) => `${name}=change-me`,
    (name: string) => `${name}=https://example.invalid/${name.toLowerCase()}`,
    (name: string) => `${name}=\${APP_VERSION}-${name.toLowerCase()}`,
    (name: string) => `${name}="two words"`,
  ];
  const groups = ['MAIL', 'DIRECTORY', 'VEEAM', 'JUMPSERVER', 'REPORT', 'ALERT'];
  const more = Array.from({ length: LIKE.variables - known }, (_, number) => {
    const name = `${groups[number % groups.length]}_OPTION_${Math.floor(number / groups.length) + 1}`;
    return forms[number % forms.length]?.(name) ?? '';
  });
  return [plain, '', '# What other systems need', ...more, ''].join('\n');
}

/** Most are the front end's, many are modules. */
function filler(number: number): [string, string] {
  const name = String(number).padStart(4, '0');
  if (number % 3 === 0) return [`app/services/part_${name}.py`, `"""Part ${name}."""\n\nNUMBER = ${number}\n`];
  return [`frontend/src/components/Part${name}.js`, `export const part${name} = () => ${number};\n`];
}

const appFile = (name: string) => readFileSync(join(APP_DIR, name), 'utf8');

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/__pycache__/.test(entry.parentPath))
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1));
}
