#!/usr/bin/env -S npx tsx
import { script } from '../../lib/index.ts';

const about = { en: 'Who holds locks that others wait for, longest first', zh: '谁持有他人在等待的锁, 等待最久的在前' };
export default await script(import.meta, about, async ({ db }) => {
  return db.query`
    SELECT w.pid AS waits, h.pid AS holds, h.state, h.usename AS "user", h.application_name AS app,
      date_trunc('second', clock_timestamp() - w.query_start)::text AS since, h.query AS held_by, w.query AS waiting
    FROM ${db.blocked} b JOIN pg_stat_activity w ON w.pid = b.waits JOIN pg_stat_activity h ON h.pid = b.holds
    ORDER BY w.query_start`;
});
