import { expect, it } from 'vitest';
import { CommandError } from '../../../../lib/core/run.ts';
import { whyUnreadable } from '../../../../lib/domain/replacement/unreadable.ts';
import { testOps } from '../../../support/ops.ts';
import { DB } from '../backup/backup.fakes.ts';

const why = (stderr: string) => {
  const output = { stdout: '', stderr, exitCode: 2, milliseconds: 1 };
  return whyUnreadable(
    testOps(() => undefined),
    DB,
    new CommandError({ argv: [], effect: 'read', deadlineMs: 1 }, output, 'command', 'psql'),
  );
};
const SOCKET = 'psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: ';

it.each([
  'fe_sendauth: no password supplied',
  'FATAL:  Peer authentication failed for user "whalefall_user"',
  'FATAL:  no pg_hba.conf entry for host "[local]", user "whalefall_user", database "whalefall", no encryption',
])('a server whose socket lets nobody in is told with the line that does: %s', async (said) => {
  const { why: cause, fix } = await why(SOCKET + said);
  expect(cause.en).toContain('pg_hba.conf');
  expect(fix.en).toContain(
    `docker exec -u postgres pg sh -c 'sed -i "1i local all all trust" "$PGDATA/pg_hba.conf"' && docker kill -s HUP pg`,
  );
});

it('another failure is left to the log', async () => {
  expect((await why(`${SOCKET}Connection refused`)).fix.en).toContain('docker logs --tail 100 pg');
});
