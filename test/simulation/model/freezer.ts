import type { Inside } from './in-container.ts';
import type { Conversation } from './process.ts';

/** What `lib/domain/app/agent/freeze.py` does in the application's container, for as long as somebody holds its stdin. */
export function freezer({ container, changes }: Inside): Conversation {
  const { app } = container;
  let begun = false;
  const set = (frozen: boolean) => {
    if (!app) return;
    changes();
    app.catchUp();
    app.frozenIn = frozen ? app.incarnation : undefined;
    app.seen();
  };
  return {
    byLine: true,
    answer: (line) => {
      if (container.state !== 'running') return undefined;
      if (!begun) {
        begun = true;
        return ['{"ready": true}'];
      }
      set((JSON.parse(line) as { freeze: boolean }).freeze);
      return ['{"frozen": 5, "moving": 0}'];
    },
    end: () => {
      if (app?.frozen) set(false);
    },
  };
}
