import { expectTypeOf, it } from 'vitest';
import type { Step } from '../../../../lib/core/step.ts';
import type { Consent } from '../../../../lib/domain/data/consent.ts';
import type { StepRunner } from '../../../../lib/runs/steps/steps.ts';

declare const step: StepRunner;
declare const build: Step<string>;
declare const backup: Step<number, [image: string]> | undefined;
declare const remove: Step<void, [Consent]>;
declare const consent: Consent;

it('hands on what a step came to; nothing of one that the run may not have', () => {
  expectTypeOf(step(build)).resolves.toEqualTypeOf<string>();
  expectTypeOf(step(backup, 'image')).resolves.toEqualTypeOf<number | undefined>();
});

it('carries out nothing without what it needs of the steps before it', () => {
  // @ts-expect-error the image is missing
  step(backup);
  // @ts-expect-error another kind of thing
  step(backup, 1);
  // @ts-expect-error what deletes needs a consent
  step(remove);
  expectTypeOf(step(remove, consent)).resolves.toBeVoid();
});
