import { named } from './agent-processes.ts';
import { type Args, argumentsOf } from './agents.ts';
import type { Inside } from './in-container.ts';
import type { Conversation } from './process.ts';
import type { Supervised } from './supervisor.ts';

/** `lib/domain/app/agent/drain.py` of a whole container: what is under way ends at once here, and nginx is not modelled. */
export function draining(what: Inside): Conversation {
  const { container } = what;
  const { app } = container;
  const incarnation = app?.incarnation;
  let args: Args | undefined;
  let stopped: Supervised[] = [];
  return {
    byLine: true,
    answer: (line) => {
      if (!app || container.state !== 'running') return undefined;
      if (args === undefined) {
        args = argumentsOf('drain', JSON.parse(line) as string);
        return ['{"ready": true}'];
      }
      what.changes();
      stopped = named(app, args.stop);
      for (const program of stopped) program.stop();
      app.seen();
      return ['{"drained": true, "left": 0, "ended": true, "killed": []}'];
    },
    // It dies with its container.
    end: () => {
      if (container.state !== 'running' || app?.incarnation !== incarnation) return;
      for (const program of stopped) program.spawn();
      app?.seen();
    },
  };
}
