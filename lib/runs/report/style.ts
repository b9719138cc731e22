/** One page without network: no font, no picture, no script. Light and dark as the reader's system has it. */
export const STYLE = `
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1c2430; --soft: #5a6675; --line: #dde2e8; --good: #157347; --bad: #b3261e; --warn: #8a5a00; --mark: #1f6feb; }
@media (prefers-color-scheme: dark) {
  :root { --page: #12161c; --card: #1b2129; --ink: #e6eaf0; --soft: #9aa7b6; --line: #323b47; --good: #4cc38a; --bad: #ff7b72; --warn: #e3b341; --mark: #6cb0ff; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 16px; }
main, td, dd, li, p, h1 { overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; margin: 0 0 14px; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 6px 0; }
h2 { font-size: 1rem; margin: 0 0 10px; }
h3 { font-size: .9rem; margin: 14px 0 6px; color: var(--soft); font-weight: 600; }
p { margin: 6px 0; }
.lang { position: absolute; opacity: 0; pointer-events: none; }
.switch { float: right; font-size: .85rem; margin-left: 12px; }
.switch label { display: inline-block; padding: 2px 10px; border: 1px solid var(--line); cursor: pointer; }
#lang-en:checked ~ main [for=lang-en], #lang-zh:checked ~ main [for=lang-zh] { background: var(--mark); border-color: var(--mark); color: var(--card); }
.lang:focus-visible ~ main .switch { outline: 2px solid var(--mark); }
#lang-en:checked ~ main [lang=zh], #lang-zh:checked ~ main [lang=en] { display: none; }
.badge { display: inline-block; border-radius: 99px; padding: 1px 12px; font-size: .85rem; color: var(--card); background: var(--soft); }
.soft { color: var(--soft); } .good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.badge.good, .badge.bad, .badge.warn { color: var(--card); } .badge.good { background: var(--good); } .badge.bad { background: var(--bad); } .badge.warn { background: var(--warn); }
dl { display: grid; grid-template-columns: minmax(7.5em, max-content) 1fr; gap: 4px 14px; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; white-space: pre-line; }
ol, ul { margin: 0; padding: 0; list-style: none; }
code { font: .88em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre-wrap; }
.steps li { padding: 8px 0; border-top: 1px solid var(--line); } .steps li:first-child { border: 0; padding-top: 0; }
.row { display: flex; gap: 10px; justify-content: space-between; }
.row > :last-child { white-space: nowrap; color: var(--soft); }
.track { height: 8px; background: var(--page); border-radius: 4px; margin: 5px 0; position: relative; overflow: hidden; }
.track i { position: absolute; top: 0; bottom: 0; min-width: 3px; border-radius: 4px; background: var(--mark); }
.track i.bad { background: var(--bad); } .track i.warn { background: var(--warn); }
.chart { position: relative; padding-left: 52px; }
.chart svg { display: block; width: 100%; height: 150px; background: var(--page); border-radius: 4px; }
.chart .y { position: absolute; left: 0; width: 46px; text-align: right; font-size: .75rem; color: var(--soft); transform: translateY(-50%); }
.x { display: flex; justify-content: space-between; font-size: .75rem; color: var(--soft); padding-left: 52px; }
.key { font-size: .8rem; color: var(--soft); } .key b { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin: 0 4px 0 10px; }
.wide { width: 100%; border-collapse: collapse; } .wide td, .wide th { text-align: left; padding: 6px 8px 6px 0; border-top: 1px solid var(--line); vertical-align: top; }
.wide td:first-child { min-width: 6em; } .wide td:nth-child(2) { min-width: 7em; } .wide th { border: 0; color: var(--soft); font-weight: 600; } a { color: var(--mark); }
@media (max-width: 560px) { main { padding: 8px; } section { padding: 12px; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 8px; } .wide .less { display: none; } }
@media print { .switch { display: none; } section { break-inside: avoid; } }
`;
