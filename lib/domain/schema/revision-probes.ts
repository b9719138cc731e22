/** A trait of the schema that is there from one revision on, in every later one too. */
export interface Probe {
  readonly revision: string;
  /** In words of SQL, for people. */
  readonly shows: string;
  /** A boolean expression that is never null and never fails, whatever tables there are. */
  readonly sql: string;
}

const exists = (t: string) => `to_regclass('${t}') IS NOT NULL`;
const columns = (t: string, c: string, more = '') =>
  `EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass('${t}') AND a.attname = '${c}' AND NOT a.attisdropped${more})`;

const table = (revision: string, t: string): Probe => ({ revision, shows: `table ${t}`, sql: exists(t) });
const column = (revision: string, t: string, c: string): Probe => ({
  revision,
  shows: `column ${t}.${c}`,
  sql: columns(t, c),
});
const without = (revision: string, t: string, c: string): Probe => ({
  revision,
  shows: `table ${t} without column ${c}`,
  sql: `(${exists(t)} AND NOT ${columns(t, c)})`,
});
const custom = (revision: string, shows: string, sql: string): Probe => ({ revision, shows, sql });

const CALCULATED_AT = 'database_size_aggregations.calculated_at';
const calculatedAt = (...types: string[]) =>
  columns(
    'database_size_aggregations',
    'calculated_at',
    ` AND a.atttypid IN (${types.map((t) => `'${t}'::regtype`).join(', ')})`,
  );

/**
 * WhaleFall's revisions that can be told from the schema, oldest first. Those between them leave no mark, so they
 * run again after a stamp that was inferred.
 */
export const PROBES: readonly Probe[] = [
  // The first one loses its own mark in the second: credentials.instance_ids.
  custom(
    '20251219161048',
    'table credentials',
    `(${columns('credentials', 'instance_ids')} OR (${exists('credentials')} AND ${columns('database_size_aggregations', 'calculated_at')}))`,
  ),
  custom(
    '20251224120000',
    `table credentials without column instance_ids, and column ${CALCULATED_AT}`,
    `(${exists('credentials')} AND NOT ${columns('credentials', 'instance_ids')} AND ${calculatedAt('timestamp', 'timestamptz')})`,
  ),
  custom('20251224134000', `column ${CALCULATED_AT} with time zone`, calculatedAt('timestamptz')),
  custom(
    '20251224164000',
    'primary key of database_size_stats',
    `EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass('database_size_stats') AND contype = 'p')`,
  ),
  column('20251230180000', 'account_permission', 'permission_snapshot'),
  column('20251230183000', 'account_permission', 'permission_facts'),
  without('20251230190000', 'account_permission', 'global_privileges'),
  without('20251231120000', 'account_permission', 'is_superuser'),
  column('20251231120100', 'permission_configs', 'introduced_in_major'),
  table('20260104120000', 'database_table_size_stats'),
  column('20260119130000', 'account_classifications', 'display_name'),
  column('20260119131000', 'classification_rules', 'rule_group_id'),
  table('20260119132000', 'account_classification_daily_rule_match_stats'),
  table('20260120120000', 'task_runs'),
  column('20260120150000', 'account_classifications', 'code'),
  without('20260126160000', 'instance_accounts', 'first_seen_at'),
  table('20260127110000', 'email_alert_settings'),
  without('20260318062000', 'tags', 'color'),
  table('20260318150000', 'instance_config_snapshots'),
  table('20260319103000', 'jumpserver_source_bindings'),
  column('20260325002000', 'jumpserver_source_bindings', 'verify_ssl'),
  column('20260325005500', 'jumpserver_source_bindings', 'org_id'),
  table('20260325063000', 'veeam_source_bindings'),
  column('20260325170000', 'veeam_machine_backup_snapshots', 'restore_point_count'),
  column('20260403060000', 'veeam_machine_backup_snapshots', 'machine_ip'),
  column('20260415090000', 'email_alert_settings', 'backup_issue_enabled'),
  column('20260513090000', 'veeam_source_bindings', 'name'),
  table('20260513120000', 'email_alert_event_deliveries'),
  table('20260519090000', 'sqlserver_clusters'),
  column('20260520090000', 'sqlserver_availability_groups', 'account_credential_id'),
  column('20260520110000', 'sqlserver_clusters', 'domain_name'),
  column('20260521130000', 'account_classification_daily_rule_match_stats', 'owner_type'),
  table('20260521160000', 'ad_domain_configs'),
  table('20260525060000', 'mysql_clusters'),
  column('20260525080000', 'sqlserver_clusters', 'last_status_sync_at'),
  table('20260525100000', 'sqlserver_ag_replica_sync_states'),
  column('20260526090000', 'email_alert_settings', 'cluster_status_enabled'),
  column('20260526130000', 'mysql_cluster_instances', 'executed_gtid_set'),
  custom(
    '20260526150000',
    'column sqlserver_availability_groups.listener_host nullable',
    columns('sqlserver_availability_groups', 'listener_host', ' AND NOT a.attnotnull'),
  ),
  table('20260527100000', 'risk_center_rule_settings'),
  // A varchar's length is its type modifier less the four bytes of its header.
  custom(
    '20260528100000',
    'column task_runs.status of length 32',
    columns('task_runs', 'status', ' AND a.atttypmod - 4 = 32'),
  ),
];
