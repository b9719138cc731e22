import type { Inside } from './in-container.ts';
import type { Reply } from './process.ts';

const LOOK_MS = 50;
/** What `docker exec` says of a command whose container ended. */
export const KILLED: Reply = { exitCode: 137 };

/** A command in the application's container that goes on until something is so, or for so many seconds. */
export async function until(
  { machine, container }: Inside,
  done: () => boolean,
  seconds: number,
  end: () => Reply | Promise<Reply>,
): Promise<Reply> {
  const { clock } = machine.engine;
  const last = clock.monotonic() + seconds * 1000;
  const incarnation = container.app?.incarnation;
  for (;;) {
    machine.engine.catchUp();
    if (container.app?.incarnation !== incarnation) return KILLED;
    if (done() || clock.monotonic() >= last) return end();
    await clock.sleep(LOOK_MS);
  }
}
