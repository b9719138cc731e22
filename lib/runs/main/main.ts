import { setMaxListeners } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { whatHappened } from '../../core/errors.ts';
import {
  type Invocation,
  type Journal,
  type JournalEvent,
  lenient,
  NO_JOURNAL,
  openJournal,
} from '../../core/journal.ts';
import type { Ops, Paths } from '../../core/ops.ts';
import { ifFails } from '../../core/run.ts';
import { orWarn, type Screen } from '../../core/screen.ts';
import { Secrets } from '../../core/secrets.ts';
import { childEnv, createShell } from '../../core/shell.ts';
import type { Target } from '../../core/target.ts';
import { languageOf, printable, SCRIPTS, same } from '../../core/text.ts';
import { answerTsx, isProgram, thisProcess, type World } from '../../core/world.ts';
import { registerAddresses } from '../../domain/alerts/addresses.ts';
import { looking } from '../../domain/data/claim.ts';
import { removeLeftRules } from '../../domain/hold/lease.ts';
import { recordAdopted } from '../../domain/ledger/adopted.ts';
import { RequestRecord } from '../../domain/ledger/requests.ts';
import { nextRunName } from '../../domain/ledger/runs.ts';
import { eachUnfinished, findUnfinished } from '../../domain/ledger/unfinished-runs.ts';
import { closeAttached } from '../../tools/docker/attached.ts';
import { discardStale } from '../../tools/docker/helpers.ts';
import { readCommandLine } from '../command-line/command-line.ts';
import { loadTarget, makeState, stateDir, typedAnywhere, typedBefore } from '../command-line/deploy-dir.ts';
import { ADOPTS, duration, type Parsed, wantedOutput } from '../command-line/flags.ts';
import type { Action, GoOn, Script, Verdict } from '../command-line/script.ts';
import { commonArgs, ownArgs, refuseAnswers } from '../command-line/typed-again.ts';
import { offerWays, showUnfinished } from '../interrupted/offer.ts';
import { lookAround } from '../interrupted/surroundings.ts';
import { writeReport } from '../report/write.ts';
import { withElapsed } from '../terminal/elapsed.ts';
import { explain, report } from '../terminal/report.ts';
import { terminal } from '../terminal/terminal.ts';
import { type Ending, endedWell, endedWith, teller } from './alerts.ts';
import { type Holding, holdStack } from './hold.ts';
import { giveWay, type Lock, takeLock } from './lock.ts';
import { recorded } from './recorded.ts';
import { stopOn, UnderWay } from './signals.ts';

/**
 * Runs a script where its file is the program that was started; does nothing where it is imported.
 *
 * @param module the file's `import.meta`.
 */
export async function program(module: { readonly filename: string }, script: Script): Promise<void> {
  if (!isProgram(module)) return;
  answerTsx();
  process.exitCode = await main(script, thisProcess());
}

/**
 * Runs a script from command line to exit code: options, deploy directory, lock, journal, signals, and the report of however
 * it ended. With `--plan`, and for what only looks, nothing is written and no lock is taken.
 */
export async function main(script: Script, world: World): Promise<number> {
  const secrets = new Secrets();
  const stopping = new AbortController();
  const { language = languageOf(world.env), json } = wantedOutput(world.argv);
  let parsed: Parsed;
  let action: Action;
  let name: string;
  let target: Target;
  try {
    const line = readCommandLine(script, world.argv);
    ({ parsed, name } = line);
    if (parsed.help) return world.stdout(line.help(language).replaceAll(SCRIPTS, world.scripts)) ?? 0;
    if (parsed.version || line.action === undefined) return world.stdout(`${VERSION}\n`) ?? 0;
    action = line.action;
    target = loadTarget(parsed, world);
  } catch (error) {
    const shown = { ...view(world, secrets, stopping.signal), language, json };
    return report(terminal({ ...shown, yes: false, interactive: false, log: () => undefined }), error);
  }

  const planOnly = Boolean(parsed.plan || parsed['dry-run']);
  const asked = { adopt: Boolean(parsed.adopt), phrase: parsed[ADOPTS] as string | undefined };
  const logs: { write: (text: string) => void } = { write: () => undefined };
  const lines = terminal({
    ...view(world, secrets, stopping.signal),
    scripts: typedBefore(parsed, target, world) + world.scripts,
    language,
    json,
    yes: Boolean(parsed.yes),
    interactive: world.interactive,
    log: (text) => logs.write(text),
  });
  let requests: RequestRecord | undefined;
  const screen = withElapsed(lines, world.clock, world.every, () => requests?.soFar);
  setMaxListeners(0, stopping.signal); // each command under way listens to it
  const underWay = new UnderWay();
  const base = {
    $: createShell({ env: childEnv(world.env), spawn: world.spawn }),
    env: childEnv(world.env),
    variables: world.env,
    target,
    clock: world.clock,
    net: world.net,
    screen,
    secrets,
    kill: world.kill,
    signal: stopping.signal,
  };

  registerAddresses(base, target.notify);

  const state = stateDir(target);
  const beside = ({ script: other, args }: Invocation) =>
    world.beside(other, [...args, ...commonArgs(parsed, target.dir)]);
  const start = async (to: Invocation) => {
    try {
      refuseAnswers(to);
    } catch (error) {
      return report(screen, error);
    }
    return world.start(to.script, [...to.args, ...commonArgs(parsed, target.dir), '--go-on']);
  };
  const unhook = world.onSignal(stopOn(stopping, screen, world, underWay));

  const onlyLooks = typeof action.onlyLooks === 'function' ? action.onlyLooks(parsed) : action.onlyLooks;
  if (planOnly || onlyLooks) {
    // Nothing is left behind in the deploy directory: not even an empty state directory.
    const scratch = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-'));
    let next: Invocation | undefined;
    try {
      const paths: Paths = { state, backups: path.join(state, 'backups'), run: scratch };
      const ops: Ops = { ...base, paths, journal: NO_JOURNAL, hold: looking(asked), beside };
      const unfinished = onlyLooks ? undefined : findUnfinished(paths);
      if (unfinished) await showUnfinished(ops, unfinished);
      const verdict = await action.run(ops, { ...parsed, planOnly });
      if ('goOn' in verdict) next = verdict.goOn;
      else {
        const { exitCode = 0, en } = verdict;
        screen.show({ event: 'result', exitCode, verdict: en });
        return exitCode;
      }
    } catch (error) {
      return report(screen, error);
    } finally {
      unhook();
      rmSync(scratch, { recursive: true, force: true });
    }
    return next ? start(next) : 0;
  }

  const tells = teller(
    { ...base, paths: { state, backups: path.join(state, 'backups'), run: state } },
    {
      subject: name,
      watched: action.watched,
      host: world.hostname,
      watching: world.interactive,
      scripts: typedAnywhere(parsed, target, world),
      metrics: parsed.metrics === undefined ? undefined : path.resolve(world.cwd, String(parsed.metrics)),
    },
  );
  let lock: Lock | undefined;
  let hold: Holding | undefined;
  let endWatch = () => {};
  let next: Invocation | undefined;
  try {
    const made = makeState(target);
    const since = new Date(world.clock.now()).toISOString();
    const holder = { user: world.user, host: world.hostname, pid: world.pid, script: name, since };
    const wait = parsed['lock-wait'] === undefined ? 0 : duration(String(parsed['lock-wait']));
    const deployLock = { file: path.join(state, 'lock') };
    const givesWay = action.givesWay ? stopping : undefined;
    if (givesWay) {
      lock = await takeLock(base, { file: `${deployLock.file}-${script.name}` }, holder, wait);
      endWatch = await giveWay(base, deployLock, wait, givesWay);
    } else lock = await takeLock(base, deployLock, holder, wait);
    const held = lock;
    const inDir = { ...holder, dir: target.dir };
    const holding = holdStack(base, asked, { locks: world.locks, holder: inDir, waitMs: wait, givesWay });
    hold = holding;
    const run = path.join(state, 'runs', nextRunName({ state }, script.name, world.clock.now()));
    const paths: Paths = { ...made, run };

    // The lock is ours, so whatever did not say how it ended is dead.
    const unfinished = findUnfinished({ state });
    if (unfinished) {
      const looking = { ...base, paths, journal: NO_JOURNAL };
      const now = lookAround(looking);
      tells.ofKilled([...eachUnfinished({ state })], now);
      if (world.interactive && !parsed.yes && !parsed['go-on']) next = await offerWays(looking, unfinished, now);
      else await showUnfinished(looking, unfinished, now);
    }
    if (next === undefined) {
      mkdirSync(paths.run, { mode: 0o700 });
      tells.begin();
      const record = new RequestRecord(world.clock, paths.run);
      requests = record;
      logs.write = appendingTo(path.join(paths.run, 'log'), world);
      const journal = openJournal(path.join(paths.run, 'journal'), world.clock.now, (event, seq) => {
        underWay.note(event, seq);
        if (event.event === 'step-start' || event.event === 'undo-start') {
          held.record({ ...holder, step: event.step });
          holding.record({ ...inDir, step: event.step });
        }
        if (parsed.verbose && event.event === 'intent') {
          screen.show({ event: 'info', text: same(`      $ ${event.command}`) });
        }
      });
      const ending = await journaled(journal, {
        begin: {
          event: 'run-start',
          script: script.name,
          version: VERSION,
          pid: world.pid,
          user: world.user,
          host: world.hostname,
          options: withoutAnswers(parsed),
          args: ownArgs(action, parsed),
        },
        screen,
        secrets,
        run: async () => {
          const ops: Ops = {
            ...base,
            screen: recorded(screen, journal, secrets),
            paths,
            hold: holding,
            journal,
            requests: record,
            lockFd: held.fd,
          };
          try {
            if (!action.givesWay) await removeLeftRules(ops);
            await tidy(ops, action.givesWay ? script.name : undefined);
            const verdict = await action.run(ops, { ...parsed, planOnly });
            await recordAdopted(paths, holding);
            return verdict;
          } finally {
            await closeAttached(ops);
          }
        },
      });
      record.flush();
      await keepReport(screen, paths);
      const { project: stack } = holding;
      await tells.end({ ...ending, run: path.basename(paths.run), stack, requests: record.noticed });
      return result(screen, ending);
    }
  } catch (error) {
    // It did not come so far as to have a journal; that a nightly one can't begin is worth telling as well.
    const ending = endedWith(error, explain(screen, error));
    await tells.end({ ...ending, stack: hold?.project });
    return result(screen, ending);
  } finally {
    unhook();
    endWatch();
    hold?.release();
    lock?.release();
  }
  return start(next);
}

interface Journaled {
  readonly begin: JournalEvent;
  readonly screen: Screen;
  readonly secrets: Secrets;
  readonly run: () => Promise<Verdict | GoOn>;
}

/** Runs between the journal's first line and its last, and shows how that ended, but for the last line. */
async function journaled(
  journal: Journal & { close(): void },
  { begin, screen, secrets, run }: Journaled,
): Promise<Ending> {
  journal.write(begin);
  let ending: Ending;
  try {
    const said = await run();
    if ('goOn' in said) throw new Error('only what looks may hand over');
    ending = endedWell(said);
  } catch (error) {
    ending = endedWith(error, explain(screen, error));
  }
  const { exitCode, what, found, state, next = [] } = ending;
  const says = secrets.redactIn({ says: what, ...(state && { state }), ...(next.length > 0 && { next }) });
  const entry = { exitCode, verdict: says.says.en, ...says, ...(found && { found }) };
  // A full disk does not make what was proved untrue; the next start will look again.
  lenient(journal, screen).write({ event: 'run-end', ...entry });
  journal.close();
  return ending;
}

/** A page for people who were not there. What was done and proved does not depend on it. */
const keepReport = (screen: Screen, paths: Paths): Promise<void> =>
  orWarn(
    screen,
    () => writeReport(paths, path.basename(paths.run), screen.language),
    (why) => ({ en: `The report could not be written: ${why.en}`, zh: `无法写入运行报告: ${why.zh}` }),
  );

/** The last line, for programs. */
function result(screen: Screen, { exitCode, what }: Ending): number {
  screen.show({ event: 'result', exitCode, verdict: what.en });
  return exitCode;
}

/** The phrase that was typed is nobody's business later. */
function withoutAnswers({ confirm: _typed, [ADOPTS]: _adopts, ...shown }: Parsed): Parsed {
  return shown;
}

/** What can't be written to the log (a full disk) was shown; it must not stop the run. */
function appendingTo(file: string, world: World): (text: string) => void {
  let works = true;
  return (text) => {
    try {
      appendFileSync(file, text, { mode: 0o600 });
      works = true;
    } catch (error) {
      if (works) world.stderr(`${printable(`${file}: ${whatHappened(error).en}`)}\n`);
      works = false;
    }
  };
}

/**
 * Removes what killed runs left, and a rehearsal that has to give way; one that gives way itself holds only the lock of its kind. An engine
 * that does not answer is the script's own survey's to explain.
 */
async function tidy(ops: Ops, only: string | undefined): Promise<void> {
  await discardStale(ops, (run) => only === undefined || run.endsWith(`-${only}`)).catch(ifFails(() => undefined));
}

const VERSION = (
  JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

function view(world: World, secrets: Secrets, stopped: AbortSignal) {
  return {
    color: world.colorTerminal,
    stdout: world.stdout,
    stderr: world.stderr,
    redact: (text: string) => secrets.redact(text),
    scripts: world.scripts,
    columns: world.columns,
    stopped,
  };
}
