import { seconds, type Text } from '../../core/text.ts';
import { endOf, type Sample, type Way } from '../../domain/ledger/requests.ts';
import { summarize } from '../../tools/http/probe.ts';
import { Html, html } from './html.ts';

const [WIDTH, HEIGHT] = [1000, 150];
/** A column of the chart stands for all requests that began in its time. */
const COLUMNS = 250;
/** Milliseconds at the bottom. The scale is logarithmic: what is usual and what had to wait are both to be seen. */
const LEAST = 1;

/**
 * Latency and failures of one way over the run. Pure.
 *
 * @param lasted of the run, milliseconds.
 * @param steps when each began.
 */
export function chartOf({ url, samples }: Way, lasted: number, steps: readonly number[]): Html {
  const most = samples.reduce((longest, s) => Math.max(longest, s.took), 1_000) * 1.3;
  const x = (at: number) => round((Math.min(at, lasted) / Math.max(lasted, 1)) * WIDTH);
  const y = (took: number) =>
    round(HEIGHT - (Math.log(Math.max(took, LEAST) / LEAST) / Math.log(most / LEAST)) * HEIGHT);
  const columns = columnsOf(samples, lasted);
  const width = WIDTH / COLUMNS;
  const bars = columns.flatMap(({ number, slowest, failed }) => [
    ...(failed > 0
      ? [`<rect class="f" x="${round(number * width)}" y="0" width="${round(width)}" height="${HEIGHT}"/>`]
      : []),
    ...(slowest > 0
      ? [
          `<rect class="l" x="${round(number * width)}" y="${y(slowest)}" width="${round(width)}" height="${round(HEIGHT - y(slowest))}"/>`,
        ]
      : []),
  ]);
  const grid = GRID.filter((ms) => ms < most);
  const lines = [
    ...grid.map((ms) => `<path class="g" d="M0 ${y(ms)}H${WIDTH}"/>`),
    ...steps.map((at) => `<path class="s" d="M${x(at)} 0V${HEIGHT}"/>`),
  ];
  const svg = `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-hidden="true">${[...lines, ...bars].join('')}</svg>`;
  const labels = grid.map((ms) => html`<span class="y" style="top: ${y(ms)}px">${seconds(ms)}</span>`);
  return html`<h3>${url}</h3>${noticedOf(samples)}
<div class="chart">${labels}${new Html(svg)}</div>
<div class="x"><span>0</span><span>${seconds(lasted / 2)}</span><span>${seconds(lasted)}</span></div>`;
}

const GRID: readonly number[] = [10, 100, 1_000, 10_000, 60_000];

/** What the chart's colours are; stands beside the page's own. */
export const CHART_STYLE = `
.chart .l { fill: var(--mark); } .chart .f { fill: var(--bad); opacity: .45; }
.chart .g, .chart .s { stroke: var(--line); vector-effect: non-scaling-stroke; fill: none; } .chart .s { stroke-dasharray: 3 4; stroke: var(--soft); opacity: .6; }
`;

export const KEY: Html = html`<p class="key"><b style="background: var(--mark); margin-left: 0"></b>${{ en: 'slowest request of each moment', zh: '各时刻最慢的请求' }}
<b style="background: var(--bad)"></b>${{ en: 'a request failed', zh: '有请求失败' }}<br>${{ en: 'Dashed: a step begins. The scale is logarithmic.', zh: '虚线: 步骤开始. 纵轴为对数刻度.' }}</p>`;

function noticedOf(samples: readonly Sample[]): Html {
  const well = samples.filter((s) => s.well).map((s) => [s.at, s.at + s.took] as const);
  const failed = samples.filter((s) => !s.well).map((s) => s.at);
  const { latencyMs, longestGapMs } = summarize(failed, well, endOf(samples));
  const said: Text = {
    en: `${samples.length} requests, ${failed.length} failed; half within ${seconds(latencyMs.p50)}, 99 % within ${seconds(latencyMs.p99)}, longest ${seconds(latencyMs.max)}; nobody was answered for ${seconds(longestGapMs)}`,
    zh: `请求 ${samples.length} 个, 失败 ${failed.length} 个; 50% 在 ${seconds(latencyMs.p50)} 内, 99% 在 ${seconds(latencyMs.p99)} 内, 最长 ${seconds(latencyMs.max)}; 最长 ${seconds(longestGapMs)} 没有任何应答`,
  };
  return html`<p class="${failed.length > 0 ? 'bad' : 'good'}">${said}</p>`;
}

interface Column {
  readonly number: number;
  slowest: number;
  failed: number;
}

/** Those in which something was asked. */
function columnsOf(samples: readonly Sample[], lasted: number): readonly Column[] {
  const columns = new Map<number, Column>();
  for (const { at, took, well } of samples) {
    const number = Math.min(COLUMNS - 1, Math.floor((at / Math.max(lasted, 1)) * COLUMNS));
    const column = columns.get(number) ?? { number, slowest: 0, failed: 0 };
    if (well) column.slowest = Math.max(column.slowest, took, LEAST);
    else column.failed += 1;
    columns.set(number, column);
  }
  return [...columns.values()];
}

const round = (n: number) => Math.round(n * 10) / 10;
