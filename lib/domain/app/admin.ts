import { randomInt } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { commandFailed } from '../../core/refusal.ts';
import { ifFails, run } from '../../core/run.ts';
import { exec } from '../../tools/docker/docker.ts';
import { type Database, query } from '../../tools/postgres/psql.ts';

const ALPHABETS = ['abcdefghijkmnopqrstuvwxyz', 'ABCDEFGHJKLMNPQRSTUVWXYZ', '23456789', '-_.+'];
const LENGTH = 20;

// Speaks only in words of ours, so that nothing the application logs can be mistaken for an answer.
const SCRIPT = `
import importlib, os
module, factory = os.environ["WFOPS_FACTORY"].split(":")
package = importlib.import_module(module)
app = getattr(package, factory)()
from app.models.user import User
from app import db
with app.app_context():
    if User.query.filter_by(username="admin").first() is not None:
        print("WFOPS:EXISTS")
    else:
        db.session.add(User(username="admin", password=os.environ["WFOPS_ADMIN_PASSWORD"], role="admin"))
        db.session.commit()
        print("WFOPS:CREATED")
`;

export type AdminCreated =
  | { readonly kind: 'existed' }
  /** Its password: to be shown once, and kept nowhere. */
  | { readonly kind: 'created'; readonly password: string };

export type AdminResult =
  | { readonly kind: 'existed' }
  | { readonly kind: 'created'; readonly shown: 'terminal' }
  | { readonly kind: 'created'; readonly shown: 'file'; readonly file: string };

/**
 * Creates the user `admin` if there is none, with a random password. It reaches the application by environment.
 *
 * @param container a running container of the application's image
 */
export async function createAdmin(ops: Ops, container: string): Promise<AdminCreated> {
  const { root, python, factory, schedulerVariable } = ops.target.app;
  const password = randomPassword();
  ops.secrets.add(password);
  const output = await run(
    ops,
    exec('change', container, ['bash', '-c', AS_ENTRYPOINT, 'admin', root, python, schedulerVariable], {
      input: SCRIPT,
      env: { WFOPS_FACTORY: factory, WFOPS_ADMIN_PASSWORD: password, [schedulerVariable]: 'false' },
    }),
  );
  if (output.stdout.includes('WFOPS:EXISTS')) return { kind: 'existed' };
  if (output.stdout.includes('WFOPS:CREATED')) return { kind: 'created', password };
  throw commandFailed({
    en: 'The application did not say whether an admin exists.',
    zh: '应用未返回管理员账号是否存在.',
  });
}

/** Hands over a new admin's password: once on the terminal, or without one in a 0600 file. It is kept nowhere else. */
export function revealAdmin(ops: Ops, admin: AdminCreated): AdminResult {
  if (admin.kind === 'existed') return admin;
  const label = { en: 'Password of admin (shown only now):', zh: '管理员 admin 的密码(仅显示这一次):' };
  if (ops.screen.showSecret(label, admin.password)) return { kind: 'created', shown: 'terminal' };
  const file = path.join(ops.paths.state, 'admin-password');
  rmSync(file, { force: true }); // writing into an older file would keep its mode
  writeFileSync(file, `${admin.password}\n`, { mode: 0o600, flag: 'wx' });
  return { kind: 'created', shown: 'file', file };
}

/** Makes sure that there is an admin: {@link createAdmin}, then {@link revealAdmin}. */
export const ensureAdmin = async (ops: Ops, container: string): Promise<AdminResult> =>
  revealAdmin(ops, await createAdmin(ops, container));

/** The quick question, 60 ms instead of a start of the application. A table of another shape is the application's to explain. */
export async function adminExists(ops: Ops, db: Database): Promise<boolean> {
  const admins = "SELECT json_build_object('id', id) FROM users WHERE username = 'admin'";
  return (await query(ops, db, admins).catch(ifFails(() => []))).length > 0;
}

// The entrypoint reads .env the same way; the scheduler's variable must stay as given, so it is set after.
const AS_ENTRYPOINT = 'cd "$1"; if [ -f .env ]; then set -a; . ./.env; set +a; fi; export "$3=false"; exec "$2" -';

/** 20 characters with at least one of each kind; none that are easily confused or special to a shell. */
function randomPassword(): string {
  const all = ALPHABETS.join('');
  for (;;) {
    const characters = Array.from({ length: LENGTH }, () => all[randomInt(all.length)] ?? '');
    if (ALPHABETS.every((kind) => characters.some((c) => kind.includes(c)))) return characters.join('');
  }
}
