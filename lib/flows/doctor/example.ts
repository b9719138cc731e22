import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Ops } from '../../core/ops.ts';
import { type ExampleFacts, exampleFacts as judged } from '../../domain/env/example.ts';

/** `.env` against the example that lies in the deploy directory. */
export function exampleFacts({ target }: Pick<Ops, 'target'>, values: Readonly<Record<string, string>>): ExampleFacts {
  const file = path.join(target.dir, target.envExample);
  return judged(values, existsSync(file) ? readFileSync(file, 'utf8') : '');
}
