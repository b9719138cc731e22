import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

// The program that loads the application and migrates when it is told to, by a flask that loads and migrates as the case says.

const SCRIPT = readFileSync(path.join(import.meta.dirname, '../../lib/domain/schema/upgrade.py'), 'utf8');

const FLASK = `
import os, signal, subprocess, sys, time

class ScriptInfo:
    def load_app(self):
        subprocess.run(["cat"], check=True)  # something of its own that reads what comes
        if not getattr(self, "loaded", False):
            signal.signal(signal.SIGALRM, lambda *_: None)
        self.loaded = True
        time.sleep(float(os.environ["LOADING"]))
        return "application"

class Cli:
    def main(self, args, obj, prog_name):
        obj.load_app()
        obj.load_app()  # a plugin asks once more
        until = time.monotonic() + float(os.environ["MIGRATING"])
        while time.monotonic() < until:
            time.sleep(0.1)
        with open(os.environ["DONE"], "a") as file:
            file.write(" ".join([prog_name, *args]) + " as " + " ".join(sys.argv))

cli = Cli()
`;

/** @param said what it is told once it has loaded; its stdin is closed then. */
async function upgrade(
  said: string,
  { loading = 0, migrating = 0, env = {}, flask = FLASK, also = {} as Readonly<Record<string, string>> } = {},
) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'upgrade-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  mkdirSync(path.join(dir, 'flask'));
  writeFileSync(path.join(dir, 'flask/__init__.py'), '');
  writeFileSync(path.join(dir, 'flask/cli.py'), flask);
  mkdirSync(path.join(dir, 'sqlalchemy'));
  for (const [name, text] of Object.entries(also)) writeFileSync(path.join(dir, 'sqlalchemy', name), text);
  const done = path.join(dir, 'done');
  const does = { PYTHONPATH: dir, DONE: done, LOADING: String(loading), MIGRATING: String(migrating) };
  const begin = ['-c', 'import json, sys; exec(json.loads(sys.stdin.readline()))'];
  const argv = [...begin, 'LOADED', '2', '1', '--app', 'app:create_app', 'db', 'upgrade'];
  const child = spawn('python3', argv, { cwd: dir, env: { ...process.env, ...env, ...does } });
  let [stdout, stderr] = ['', ''];
  child.stdin.on('error', () => undefined);
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk));
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk;
    if (stdout.includes('\nLOADED\n')) child.stdin.end(said);
  });
  child.stdin.write(`${JSON.stringify(SCRIPT)}\n`);
  const [status, signal] = await once(child, 'close');
  return { status, signal, stderr, did: existsSync(done) ? readFileSync(done, 'utf8') : '' };
}

// As SQLAlchemy tells those who listen what it is going to connect with.
const SQLALCHEMY = {
  '__init__.py': '',
  'event.py': 'def listen(target, name, does): target.listening[name] = does\n',
  'engine.py': 'class Engine: listening = {}\n',
};
const CONNECTS = `
import json, os, types
from sqlalchemy.engine import Engine
class ScriptInfo:
    def load_app(self):
        os.environ["PGOPTIONS"] = "of the application"
class Cli:
    def main(self, args, obj, prog_name):
        obj.load_app()
        named = [{"options": "-c lock_timeout=0", "application_name": "its own"}, {}, {}]
        for driver, given in zip(["psycopg2", "psycopg", "pysqlite"], named):
            Engine.listening["do_connect"](types.SimpleNamespace(driver=driver), None, [], given)
        with open(os.environ["DONE"], "w") as file:
            json.dump(named, file)
cli = Cli()
`;

it('has a session that a migration begins by its own address wait no longer for a lock, and bear its name', async () => {
  const env = { PGOPTIONS: '-c lock_timeout=10000', PGAPPNAME: 'whalefall-ops migrate' };
  const { did, stderr } = await upgrade('go\n', { env, flask: CONNECTS, also: SQLALCHEMY });
  const application_name = 'whalefall-ops migrate';
  expect(JSON.parse(did || '[]'), stderr).toEqual([
    { options: '-c lock_timeout=0 -c lock_timeout=10000', application_name },
    { options: '-c lock_timeout=10000', application_name },
    {},
  ]);
});

const WORDS = '--app app:create_app db upgrade';

it('migrates once when it is told to, whoever reads what comes while the application is loaded', async () => {
  const did = `flask ${WORDS} as flask ${WORDS}`;
  expect(await upgrade('go\n')).toMatchObject({ status: 0, did });
  expect(await upgrade('go\n', { loading: 0.4 })).toMatchObject({ status: 0, did });
});

it.each(['', 'go', 'stop\n'])(
  'changes nothing when it is told %j, and does not say that it went well',
  async (said) => {
    expect(await upgrade(said)).toMatchObject({ status: 1, did: '' });
  },
);

it('ends when the application does not load in time, and says where that hangs', async () => {
  const ended = await upgrade('go\n', { loading: 20 });
  expect(ended).toMatchObject({ status: 1, did: '' });
  expect(ended.stderr).toMatch(/Timeout \(0:00:02\)![\s\S]*?flask\/cli\.py", line \d+ in load_app/);
});

it('is ended when it migrates for too long, whatever the application makes of alarms', async () => {
  expect(await upgrade('go\n', { migrating: 20 })).toMatchObject({ signal: 'SIGALRM', did: '' });
});
