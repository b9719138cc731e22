import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { LOGIN_SCRIPT } from '../../lib/tools/postgres/login.ts';

it('the password of a login is in a file that nobody can read, and that has no name while psql runs', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'wfops-login-'));
  try {
    const psql = path.join(dir, 'psql');
    const files = `ls -A ${dir} /dev/shm | grep -e '^.whalefall' -e '^tmp' || true`;
    writeFileSync(
      psql,
      `#!/bin/sh\ncat "$PGPASSFILE"; stat -L -c %a "$PGPASSFILE"; ${files}\necho "\${WFOPS_PGPASS-gone}"\n`,
    );
    chmodSync(psql, 0o755);
    const said = execFileSync('sh', ['-c', LOGIN_SCRIPT, 'login', 'host', '5432', 'user', 'database'], {
      encoding: 'utf8',
      env: { PATH: `${dir}:${process.env.PATH}`, TMPDIR: dir, WFOPS_PGPASS: '*:*:*:*:a b\\:c' },
    });
    expect(said).toBe('*:*:*:*:a b\\:c\n600\ngone\n');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
