/** What is wrong, from its cause on, and what mends it. */
export { bundle } from './bundle.ts';
export { explain, look, mend, watch } from './examine.ts';
export { checkOf, refuseSeveral, selectChecks } from './select.ts';
