import { readFileSync } from 'node:fs';
import type { Ops } from '../../../lib/core/ops.ts';
import { targetFor } from '../../../lib/core/target.ts';
import { requestHold } from '../../../lib/domain/hold/hold.ts';
import type { HoldFacts } from '../../../lib/domain/hold/survey.ts';
import { inspectContainer } from '../../../lib/tools/docker/containers.ts';
import { realOps } from '../../support/real-ops.ts';

/* Begins to hold and goes on for as long as it lives: a run that can be killed. */
const [dir = '', id = '', facts = ''] = process.argv.slice(2);
const base = realOps(dir);
const target = targetFor(dir);
const ops: Ops = { ...base, target: { ...target, app: { ...target.app, python: '/usr/bin/python3' } } };
const hold = requestHold(JSON.parse(readFileSync(facts, 'utf8')) as HoldFacts);
await hold.begin(ops, await inspectContainer(ops, id));
console.log('holds');
setInterval(() => undefined, 1000);
