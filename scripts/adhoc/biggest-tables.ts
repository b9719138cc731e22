#!/usr/bin/env -S npx tsx
import { script } from '../../lib/index.ts';

const about = { en: 'The biggest tables, with indexes and TOAST', zh: '最大的表, 含索引与 TOAST' };
const flags = { top: { type: 'count', default: 20, help: { en: 'how many', zh: '显示数量' } } } as const;
export default await script(
  import.meta,
  about,
  { flags },
  ({ db, flags }) => db.query`
  SELECT relid::regclass::text AS table, pg_size_pretty(pg_total_relation_size(relid)) AS total,
    pg_size_pretty(pg_indexes_size(relid)) AS indexes, n_live_tup AS rows, n_dead_tup AS dead,
    coalesce(greatest(last_vacuum, last_autovacuum)::date::text, 'never') AS vacuumed
  FROM pg_stat_user_tables ORDER BY pg_total_relation_size(relid) DESC LIMIT ${flags.top}`,
);
