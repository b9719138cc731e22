/**
 * What makes an original that its restored copy equals, though its catalogs are not the same: said explicitly what holds without saying,
 * or gone of what each new database has. In one database, in this order; of the superuser, with the roles `readers` and `writers`.
 */
export const EQUAL_COPIES: readonly (readonly [what: string, sql: string])[] = [
  ['a table whose rights were revoked of nobody', 'CREATE TABLE app.revoked (); REVOKE ALL ON app.revoked FROM PUBLIC'],
  [
    'rights that were granted and taken away again: table, view, sequence',
    `CREATE TABLE app.granted (id serial); CREATE VIEW app.seen AS SELECT 1 AS one; CREATE MATERIALIZED VIEW app.kept AS SELECT 1 AS one;
     GRANT SELECT ON ALL TABLES IN SCHEMA app TO readers; REVOKE SELECT ON ALL TABLES IN SCHEMA app FROM readers;
     GRANT USAGE ON SEQUENCE app.granted_id_seq TO readers; REVOKE USAGE ON SEQUENCE app.granted_id_seq FROM readers`,
  ],
  [
    'the same under another owner, and one that became the owner',
    `CREATE TABLE app.passed_on (); REVOKE ALL ON app.passed_on FROM PUBLIC; ALTER TABLE app.passed_on OWNER TO writers;
     CREATE TABLE app.promoted (); GRANT ALL ON app.promoted TO writers; ALTER TABLE app.promoted OWNER TO writers`,
  ],
  [
    'a table without what is given by default',
    `ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO readers;
     CREATE TABLE app.unread (); REVOKE SELECT ON app.unread FROM readers`,
  ],
  [
    'a right that is really there, of two who granted it',
    `CREATE TABLE app.twice (); GRANT SELECT ON app.twice TO readers WITH GRANT OPTION; GRANT SELECT ON app.twice TO writers;
     GRANT USAGE ON SCHEMA app TO readers; SET ROLE readers; GRANT SELECT ON app.twice TO writers; RESET ROLE`,
  ],
  [
    'an owner without rights on table and database',
    `CREATE TABLE app.locked (); REVOKE ALL ON app.locked FROM CURRENT_USER;
     DO $$ BEGIN EXECUTE format('REVOKE CREATE ON DATABASE %I FROM CURRENT_USER', current_database()); END $$`,
  ],
  [
    'rights on the database, of two who granted them',
    `DO $$ DECLARE d text := current_database(); BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO readers WITH GRANT OPTION', d);
     EXECUTE format('GRANT CONNECT ON DATABASE %I TO writers', d); SET LOCAL ROLE readers;
     EXECUTE format('GRANT CONNECT ON DATABASE %I TO writers', d); END $$; RESET ROLE`,
  ],
  [
    'rights on schema, function, type, column',
    `CREATE SCHEMA more; GRANT USAGE ON SCHEMA more TO readers; REVOKE USAGE ON SCHEMA more FROM readers;
     CREATE FUNCTION more.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; REVOKE ALL ON FUNCTION more.f() FROM readers;
     CREATE TYPE more.e AS ENUM ('a'); GRANT USAGE ON TYPE more.e TO PUBLIC;
     GRANT SELECT (id) ON app.granted TO readers; REVOKE SELECT (id) ON app.granted FROM readers`,
  ],
  [
    'settings that collations sort in different ways',
    `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET TimeZone = ''UTC''', current_database());
     EXECUTE format('ALTER DATABASE %I SET application_name = ''x''', current_database()); END $$`,
  ],
  ['a database without what each new one has', 'DROP SCHEMA public; DROP EXTENSION plpgsql'],
];
