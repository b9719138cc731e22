import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { change, read, run } from '../../lib/core/run.ts';
import { carryOut, type Ops, OpsError, type PlannedStep, program, type Script } from '../../lib/index.ts';

// A script with nothing but a file to change and time to spend, for what happens to real processes. What it holds goes on until its test lets
// it go, however busy the machine is: see launch.ts.

const same = (text: string) => ({ en: text, zh: text });
const planned = (id: string): PlannedStep => ({ id, title: same(id), risk: 'changes', commands: [] });
const number = { type: 'string', help: same('') } as const;

/** Says that it has begun, and goes on until it is let go, or the test is over. */
const held = (dir: string, what: string) => [
  ...['sh', '-c', ': > "$1/$0.on"; while [ -d "$1" ] && [ ! -e "$1/$0.go" ]; do sleep 0.05; done', what, dir],
];

/** As on a machine that is too busy to hear anything: from the moment that its test says so, until that says otherwise. */
function deafOnRequest(dir: string): void {
  const [ask, is] = [path.join(dir, 'deaf'), path.join(dir, 'deaf.on')];
  const never = new Int32Array(new SharedArrayBuffer(4));
  setInterval(() => {
    if (existsSync(ask)) writeFileSync(is, '');
    while (existsSync(ask)) Atomics.wait(never, 0, 0, 20);
  }, 20).unref();
}

const stub: Script = {
  name: 'stub',
  about: same('Makes a file, and takes its time.'),
  flags: {
    seconds: number,
    hold: { type: 'boolean', help: same('') },
    'hold-undo': { type: 'boolean', help: same('') },
    interruptible: { type: 'boolean', help: same('') },
    ask: { type: 'boolean', help: same('') },
    'ask-after': number,
    back: { type: 'boolean', help: same('') },
    project: { type: 'string', help: same('') },
  },
  run: async (ops, flags) => {
    const made = path.join(ops.target.dir, 'made');
    deafOnRequest(ops.target.dir);
    if (flags.project) await ops.hold?.lockProject?.('an engine', String(flags.project));
    const remove = (o: Ops) => run(o, change(['rm', '-f', made]));
    if (flags['ask-after']) {
      ops.screen.show({ event: 'info', text: same('looking') });
      await run(ops, read(['sleep', String(flags['ask-after'])]));
    }
    if ((flags.ask || flags['ask-after']) && (await ops.screen.askPhrase(same('phrase?'))) === undefined) {
      throw new OpsError({ kind: 'declined', what: same('no answer') });
    }
    const recovery = {
      prove: async () => {
        if (existsSync(made)) throw new Error(`${made} is still there`);
        return same('as before, proved');
      },
      proves: [],
      advice: () => [same(`rm ${made}`)],
      also: ['--seconds=0'],
      back: { script: 'stub', args: ['--back'] },
    };
    const toMake = {
      ...planned('make'),
      run: (o: Ops) => (flags.back ? remove(o) : run(o, change(['touch', made]))),
      undo: async (o: Ops) => {
        if (flags['hold-undo']) await run(o, change(held(ops.target.dir, 'undo')));
        await remove(o);
      },
    };
    const work = flags.hold ? held(ops.target.dir, 'work') : ['sleep', String(flags.seconds ?? 0)];
    const toWork = {
      ...planned('work'),
      run: (o: Ops) => run(o, change(work, { interruptible: Boolean(flags.interruptible) })),
    };
    return carryOut(ops, [toMake, toWork], recovery, async (step) => {
      await step(toMake);
      await step(toWork);
      return same(flags.back ? 'removed' : 'made');
    });
  },
};

await program(import.meta, stub);
