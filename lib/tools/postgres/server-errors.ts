import { CommandError } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';

const NAME = '"(?:[^"]|"")*"';
const KIND =
  '(?:access method|collation|column|constraint|conversion|database|extension|foreign-data wrapper|index|language|large object|materialized view|operator class|operator family|policy|publication|relation|role|schema|sequence|server|table|tablespace|text search (?:configuration|dictionary|parser|template)|trigger|type|view)';

/**
 * Messages of the server that name objects and hold nobody's data. A list of what may be shown, because every other one may: a value
 * that is no number, the text of a RAISE.
 */
const WITHOUT_DATA = [
  `${KIND} ${NAME}(?: (?:of|for) (?:relation|table) ${NAME})? (?:does not exist|already exists|is not available)`,
  `column ${NAME} of relation ${NAME} does not exist`,
  String.raw`(?:function|procedure|aggregate|operator) [\w."]+\([\w.", \[\]]*\) (?:does not exist|is not unique)`,
  `(?:new row for relation|insert or update on table|update or delete on table|relation) ${NAME} violates (?:check|foreign key|partition) constraint(?: ${NAME})?`,
  `(?:duplicate key value|conflicting key value) violates (?:unique|exclusion) constraint ${NAME}`,
  `null value in column ${NAME} of relation ${NAME} violates not-null constraint`,
  `(?:check|exclusion) constraint ${NAME} of relation ${NAME} is violated by some row`,
  `column ${NAME} of relation ${NAME} contains null values`,
  `could not create (?:unique index|exclusion constraint) ${NAME}`,
  `no partition of relation ${NAME} found for row`,
  `permission denied (?:for|to) [^:]*`,
  `must be (?:owner of|superuser|able to SET ROLE) ?[^:]*`,
  'cannot execute [A-Z ]+ in a read-only transaction',
  'canceling statement due to (?:lock timeout|statement timeout|user request)',
  'terminating connection due to [a-z -]+',
  'directory "[^"]*" (?:does not exist|already in use as a tablespace)',
  'could not (?:access|open|extend|write|read|create|stat)[a-z0-9 -]* ?file(?: "[^"]*")?: [A-Za-z ]+',
  'could not extend file "[^"]*": wrote only \\d+ of \\d+ bytes at block \\d+',
  'could not open extension control file "[^"]*": [A-Za-z ]+',
  'could not resize shared memory segment "[^"]*" to \\d+ bytes: [A-Za-z ]+',
  `(?:extension ${NAME}|[\\w-]+) (?:can only|must) be (?:pre)?loaded(?: via "?shared_preload_libraries"?)?`,
  'can only create extension in database [\\w.-]+',
  `unrecognized configuration parameter ${NAME}`,
  'division by zero',
  'out of memory',
  'out of shared memory',
  'too many connections.*',
  'sorry, too many clients already',
  'remaining connection slots are reserved.*',
  '(?:the )?database system is (?:starting up|shutting down|in recovery mode|not yet accepting connections)',
].map((pattern) => new RegExp(`^${pattern}$`));

/** Client's own complaints: about the file or the connection. */
const CLIENTS = /^pg_restore: error: (?!COPY failed|could not execute|error returned)(?!.*ERROR:)/;
const LOST =
  /server closed the connection unexpectedly|^connection to server was lost|^Error(?: response from daemon)?: |^Cannot connect to the Docker daemon/;
/** `pg_restore --verbose`: what it was about. */
const ENTRY = /^pg_restore: from TOC entry \d+; \d+ \d+ (.+) \S+$/;
const PLACE = /^CONTEXT:\s+(?:PL\/\w+|SQL) function ("[^"]+"|[^\s"(]+(?:\([^)\n]*\))?)/;
const HIDDEN = 'an error whose text may hold data, so it is not shown';

/**
 * What pg_restore or psql said, without rows: the server's DETAIL and CONTEXT, the row that COPY was at, and the command hold some. What
 * remains: the message where it is known to have none, the object, and the function that failed.
 */
export function withoutRows(stderr: string): string {
  const kept: string[] = [];
  let object: string | undefined;
  for (const line of stderr.split('\n')) {
    const [, entry] = ENTRY.exec(line) ?? [];
    const [, place] = PLACE.exec(line) ?? [];
    const [, before, level, message] = /^(.*?)(ERROR|FATAL|PANIC): {1,2}(.*)$/.exec(line) ?? [];
    if (entry !== undefined) object = entry;
    else if (place !== undefined) kept.push(`in function ${place}`);
    else if (message !== undefined && /^(?:psql|pg_restore|$)/.test(before ?? '')) {
      kept.push(`${level}: ${WITHOUT_DATA.some((known) => known.test(message)) ? message : HIDDEN}`);
    } else if (CLIENTS.test(line) || LOST.test(line)) kept.push(line);
  }
  if (object !== undefined) kept.push(`while restoring ${object}`);
  return [...new Set(kept)].join('\n') || (stderr.trim() && HIDDEN);
}

/**
 * The same words without the lines that hold a row: for what a release's own files run, whose errors a person needs as they are.
 */
export function withoutDetails(said: string): string {
  return said.replace(
    /^(?:DETAIL:|CONTEXT:|COPY |\[parameters: ).*$/gm,
    (line) => `${line.slice(0, line.indexOf(' '))} …`,
  );
}

/** What to do about a restore that failed in a function, or for want of an extension. */
export function restoreAdvice(error: unknown): Text[] {
  if (!(error instanceof CommandError)) return [];
  const said = error.output.stderr;
  const [, place] = /^in function (.+)$/m.exec(said) ?? [];
  const advice: Text[] = [];
  if (place !== undefined && /ERROR: .* does not exist$/m.test(said)) {
    const alter = printable(`ALTER FUNCTION ${place} SET search_path = public, pg_temp;`);
    advice.push({
      en: `The function names something without its schema, and every restore runs without a search path. In the database: ${alter}`,
      zh: `该函数引用对象时未带 schema, 而任何恢复都在空 search_path 下执行. 请在数据库中执行: ${alter}`,
    });
  }
  if (/extension (?:".*" is not available|control file)/.test(said)) {
    advice.push({
      en: 'The image of the database lacks this extension: it was added to the running container by hand. Put it into the image, or drop it.',
      zh: '数据库镜像中没有该扩展, 它是在运行中的容器里手工安装的. 请将其加入镜像, 或删除该扩展.',
    });
  }
  if (/ be (?:pre)?loaded/.test(said)) {
    advice.push({
      en: 'This extension needs shared_preload_libraries, and a server of the image does not start with those of the running one. See to it that the image has the library, or drop the extension.',
      zh: '该扩展依赖 shared_preload_libraries, 而该镜像无法以当前数据库的这项设置启动. 请确认镜像中包含相应的库, 或删除该扩展.',
    });
  }
  if (said.includes('can only create extension in database')) {
    advice.push({
      en: 'This extension can only be in the one database that the server is set to (cron.database_name), and what is restored has another name at first: no backup with it can be proved. Have it in a database of its own (cron.schedule_in_database runs jobs here), and drop it here.',
      zh: '该扩展只能装在服务器指定的数据库中 (cron.database_name), 而恢复出的数据库起初使用其他名称, 因此含该扩展的备份无法验证. 请把它装到单独的数据库 (用 cron.schedule_in_database 在本库执行任务), 并从本库删除该扩展.',
    });
  }
  if (/violates|is violated by some row|could not create unique index/.test(said)) {
    advice.push({
      en: 'The rows break a rule that they are under; correct them (or the rule) in the database, then run this again.',
      zh: '表中数据不满足其自身的约束; 请先在数据库中修正数据 (或约束), 再重新运行.',
    });
  }
  return advice;
}
