#!/usr/bin/env -S npx tsx
import { script } from '../../lib/index.ts';

const about = { en: 'Who holds locks that others wait for, longest first', zh: '谁持有他人在等待的锁, 等待最久的在前' };
export default await script(
  import.meta,
  about,
  ({ db }) => db.query`
  SELECT w.pid AS waits, holder.pid AS holds, holder.state, holder.usename AS "user", holder.application_name AS program,
    date_trunc('second', clock_timestamp() - w.query_start)::text AS since, left(w.query, 60) AS waiting_query
  FROM pg_stat_activity w, unnest(pg_blocking_pids(w.pid)) AS blocking JOIN pg_stat_activity holder ON holder.pid = blocking
  ORDER BY w.query_start`,
);
