import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { badInputCases } from './restore/bad-input.cases.ts';
import { disturbedCases } from './restore/disturbed.cases.ts';
import { goodCases } from './restore/good.cases.ts';
import { World } from './restore/world.ts';
import { sharedStack } from './shared.ts';

// One database, with a note that is in the backup and one that was written since. Each case leaves it so.
let made: World;
let backup = '';
const world = () => made;

beforeAll(async () => {
  const stack = await sharedStack();
  made = new World(stack);
  made.forgetKept();
  // Large enough that restoring takes a while, and that two workers do it.
  stack.sql(
    `CREATE TABLE bulk AS SELECT i, md5(random()::text) || md5(random()::text) AS text FROM generate_series(1, 400000) AS i`,
  );
  stack.sql("DELETE FROM notes; INSERT INTO notes (text) VALUES ('in the backup')");
  backup = made.backUp();
  made.writeNotes();
});

// A case that failed may have left anything; the next one shall fail for a reason of its own only.
afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return;
  made.forgetKept();
  made.writeNotes();
});

afterAll(() => {
  made?.forgetKept();
  made?.stack.sql('DROP TABLE bulk');
});

describe('what can not be restored', () => badInputCases(world, () => backup));
describe('a restore that is disturbed', () => disturbedCases(world));
describe('a restore', () => goodCases(world));
