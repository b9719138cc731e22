import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { LOGIN_SCRIPT } from '../../lib/tools/postgres/login.ts';

it('the password of a login is in a file that nobody can read, and that has no name while psql runs', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'wfops-login-'));
  try {
    const psql = path.join(dir, 'psql');
    // What others have there at the same time is not this login's.
    const others = new Set(readdirSync('/dev/shm'));
    writeFileSync(
      psql,
      `#!/bin/sh\ncat "$PGPASSFILE"; stat -L -c %a "$PGPASSFILE"; ls -A ${dir} /dev/shm\necho "\${WFOPS_PGPASS-gone}"\n`,
    );
    chmodSync(psql, 0o755);
    const said = execFileSync('sh', ['-c', LOGIN_SCRIPT, 'login', 'host', '5432', 'user', 'database'], {
      encoding: 'utf8',
      env: { PATH: `${dir}:${process.env.PATH}`, TMPDIR: dir, WFOPS_PGPASS: '*:*:*:*:a b\\:c' },
    });
    const lines = said.trim().split('\n');
    expect([...lines.slice(0, 2), lines.at(-1)]).toEqual(['*:*:*:*:a b\\:c', '600', 'gone']);
    expect(lines.slice(2, -1).filter((name) => /^(\.whalefall|tmp\.)/.test(name) && !others.has(name))).toEqual([]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
