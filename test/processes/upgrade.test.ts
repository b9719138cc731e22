import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';

// The program that loads the application and migrates when it is told to, by a flask that loads and migrates as the case says.

const SCRIPT = readFileSync(path.join(import.meta.dirname, '../../lib/domain/schema/upgrade.py'), 'utf8');

const FLASK = `
import os, time

class ScriptInfo:
    def load_app(self):
        time.sleep(float(os.environ["LOADING"]))
        return "application"

class Cli:
    def main(self, args, obj, prog_name):
        obj.load_app()
        obj.load_app()  # a plugin asks once more
        time.sleep(float(os.environ["MIGRATING"]))
        with open(os.environ["DONE"], "a") as file:
            file.write(" ".join([prog_name, *args]))

cli = Cli()
`;

/** @param said what follows the program on its stdin, which is closed then. */
function upgrade(said: string, { loading = 0, migrating = 0 } = {}) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'upgrade-'));
  mkdirSync(path.join(dir, 'flask'));
  writeFileSync(path.join(dir, 'flask/__init__.py'), '');
  writeFileSync(path.join(dir, 'flask/cli.py'), FLASK);
  const done = path.join(dir, 'done');
  const own = { PYTHONPATH: dir, DONE: done, LOADING: String(loading), MIGRATING: String(migrating) };
  const argv = ['-c', 'import json; exec(json.loads(input()))', '1', '1', '--app', 'app:create_app', 'db', 'upgrade'];
  const input = `${JSON.stringify(SCRIPT)}\n${said}`;
  const env = { ...process.env, ...own };
  const { status, signal, stderr } = spawnSync('python3', argv, { cwd: dir, env, input, encoding: 'utf8' });
  return { status, signal, stderr, did: existsSync(done) ? readFileSync(done, 'utf8') : '' };
}

it('migrates once when it is told to, whenever the application is loaded', () => {
  const did = 'flask --app app:create_app db upgrade';
  expect(upgrade('go\n')).toMatchObject({ status: 0, did });
  expect(upgrade('go\n', { loading: 0.4 })).toMatchObject({ status: 0, did });
});

it.each(['', 'go', 'stop\n'])('changes nothing when it is told %j', (said) => {
  expect(upgrade(said)).toMatchObject({ status: 0, did: '' });
});

it('ends when the application does not load in time, and says where that hangs', () => {
  const ended = upgrade('go\n', { loading: 20 });
  expect(ended).toMatchObject({ status: 1, did: '' });
  expect(ended.stderr).toMatch(/Timeout \(0:00:01\)![\s\S]*flask\/cli\.py", line 6 in load_app/);
});

it('is ended when it migrates for too long, wherever it waits', () => {
  expect(upgrade('go\n', { migrating: 20 })).toMatchObject({ signal: 'SIGALRM', did: '' });
});
