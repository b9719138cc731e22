import { benchBackup } from './backup.ts';
import { benchHold } from './hold.ts';
import { benchReal } from './real.ts';
import { benchRebuild } from './rebuild.ts';
import { benchRestore } from './restore.ts';
import { benchUpdate } from './update.ts';

/** `npm run bench` measures the full rebuild, `npm run bench -- update` the hot update, and so on. */
const BENCHES: Record<string, (args: string[]) => Promise<void>> = {
  rebuild: benchRebuild,
  update: benchUpdate,
  backup: benchBackup,
  restore: benchRestore,
  real: benchReal,
  hold: benchHold,
};

const args = process.argv.slice(2);
const name = args[0]?.startsWith('-') === false ? (args.shift() ?? '') : 'rebuild';
const bench = BENCHES[name];
if (bench) {
  await bench(args);
} else {
  console.error(`npm run bench -- [${Object.keys(BENCHES).join('|')}] [--rounds N]`);
  process.exitCode = 2;
}
