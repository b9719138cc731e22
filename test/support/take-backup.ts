import { databaseOf } from '../../lib/domain/stack/stack.ts';
import { backupPg, findContainers, findVolumes, type Ops, program, resolveStack } from '../../lib/index.ts';

/** Backs the database of a deploy directory up, as a script does; a process of its own, with the options of every script. */
const script = {
  name: 'take-backup',
  about: { en: 'Back up', zh: '备份' },
  flags: {},
  run: async (ops: Ops) => {
    const stack = await resolveStack(ops);
    const [{ postgres }, volumes] = await Promise.all([findContainers(ops, stack), findVolumes(ops, stack)]);
    if (!postgres) throw new Error('there is no database');
    const { dir } = await backupPg(ops, databaseOf(stack, postgres, volumes), { reason: 'test', commit: undefined });
    ops.screen.show({ event: 'ok', text: { en: dir, zh: dir } });
    return { en: dir, zh: dir };
  },
};

await program(import.meta, script);
