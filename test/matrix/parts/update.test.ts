import { expect, it } from 'vitest';
import { expectNew } from '../../e2e/update/judge.ts';
import { update } from '../../e2e/update/run.ts';
import { docker } from '../../e2e/update/stack.ts';
import { expectReplaced, note, notes, openedStack, rebuild } from './part.ts';

const stack = openedStack();

it('hot update', async () => {
  const release = await stack().release({ import_delay: 1 });
  await expectNew(stack(), await update(stack()), release);
});

it('hot update with a migration', async () => {
  note(stack(), 'before the migration');
  const rows = notes(stack());
  const revision = String(Number(stack().revision()) + 1);
  const release = await stack().release({ files: addsColumn(revision, stack().revision()) });
  await expectNew(stack(), await update(stack()), release);
  stack().base = release.commit;
  expect(stack().revision()).toBe(revision);
  expect(notes(stack())).toBe(rows);
});

it('hot update with --bake', async () => {
  const release = await stack().release();
  await expectNew(stack(), await update(stack(), ['--bake']), release);
  const show = ['run', '--rm', '--network', 'none', '--entrypoint', 'cat', stack().sandbox.appImage];
  expect(docker(...show, '/app/release.json')).toContain(`"${release.marker}"`);
});

// --bake took the name of the image of which the container was made.
it('rebuild, data kept, after --bake', async () => {
  const release = await stack().release();
  const rows = notes(stack());
  await expectReplaced(stack(), await rebuild(stack(), ['--data', 'keep']), release);
  expect(notes(stack())).toBe(rows);
});

const addsColumn = (revision: string, after: string) => ({
  [`migrations/versions/${revision}_add_column.py`]: `from alembic import op

revision = "${revision}"
down_revision = "${after}"


def upgrade():
    op.execute("ALTER TABLE notes ADD COLUMN c${revision} text")


def downgrade():
    op.execute("ALTER TABLE notes DROP COLUMN c${revision}")
`,
});
