import { expect, it } from 'vitest';
import { revisionOf } from '../../../../lib/domain/release/knows-revision.ts';

it.each([
  ['revision = "2026.06.02_merge"\ndown_revision = ("a", "b")\n', '2026.06.02_merge'],
  ["revision: str = 'ae10'\n", 'ae10'],
  ['"""x\n\nRevision ID: no\n"""\nrevision="ae10"', 'ae10'],
  ['down_revision = "ae10"\n', undefined],
  ['# revision = "ae10"\n', undefined],
  ['', undefined],
])('reads the revision of a migration: %j', (text, revision) => expect(revisionOf(text)).toBe(revision));
