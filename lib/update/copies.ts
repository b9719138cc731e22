import { z } from 'zod';
import { agent } from '../app/agent.ts';
import type { Inventory } from '../app/inventory.ts';
import type { Ops } from '../host/ops.ts';
import type { Copy } from './facts.ts';

const answer = z.record(z.string(), z.object({ mode: z.string(), blob: z.string() }));

/**
 * What the image's build copies from the repository to other places and the new release changes. A file that the container does not
 * have is left out: its image was built in another way.
 */
export async function findCopies(ops: Ops, container: string, tree: Inventory): Promise<Copy[]> {
  const { copies, site } = ops.target.release;
  const rules = [...copies, { from: site.from, to: site.template }];
  const pairs = rules.flatMap(({ from, to }) =>
    from.endsWith('/')
      ? [...tree.keys()].filter((f) => f.startsWith(from)).map((f) => ({ from: f, to: to + f.slice(from.length) }))
      : tree.has(from)
        ? [{ from, to }]
        : [],
  );
  const args = { files: pairs.map((p) => p.to) };
  const there = await agent(ops, container, 'inventory', { effect: 'read', args, answer });
  return pairs.filter(({ from, to }) => there[to] !== undefined && there[to].blob !== tree.get(from)?.blob);
}
