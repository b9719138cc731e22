#!/usr/bin/env -S npx tsx
import { script } from '../../lib/index.ts';

// Copy me to a name of your own. Elsewhere: name me .mts, and import from the path of whalefall-ops/lib/index.ts.
export default await script(import.meta, 'What is running, and since when', async ({ app, db, redis, say, table }) => {
  say(`application ${app.state}, database ${db.state}, redis ${redis.state}`);
  table(await app.programs());
  return db.query`SELECT version() AS server, pg_postmaster_start_time()::timestamp(0) AS since`;
});
