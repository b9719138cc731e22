import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { removeWhole } from './remove.ts';

// Chromium without a window, spoken to over two pipes: https://chromedevtools.github.io/devtools-protocol/

interface Reply {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

export interface View {
  /** Of the page, in CSS pixels. */
  readonly width: number;
  readonly dark: boolean;
}

/** A page as a browser shows it. */
export interface Seen {
  /** Errors of scripts, and what the page's own policy or the network refused. */
  readonly errors: readonly string[];
  /** What it asked for besides itself. */
  readonly requests: readonly string[];
  /** How wide what it shows is; more than the view means that one has to scroll sideways. */
  readonly contentWidth: number;
  /** The text that is to be seen. */
  readonly text: string;
  readonly background: string;
  readonly picture: Buffer;
}

export class Chromium {
  readonly #child: ChildProcess;
  readonly #profile = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-chromium-'));
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  readonly #listeners = new Set<(reply: Reply) => void>();
  readonly #ended: Promise<unknown>;
  #id = 0;
  #said = '';

  constructor(program = 'chromium') {
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--disable-component-update',
      '--disable-sync',
    ];
    this.#child = spawn(
      program,
      [...flags, '--remote-debugging-pipe', `--user-data-dir=${this.#profile}`, 'about:blank'],
      {
        stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
        detached: true, // its own processes are ended with it, by their group
      },
    );
    this.#child.on('error', (error) => this.#fail(error.message));
    this.#ended = new Promise((resolve) => this.#child.once('close', resolve));
    void this.#ended.then(() => this.#fail('chromium ended'));
    (this.#child.stdio[4] as Readable).setEncoding('utf8').on('data', (chunk: string) => this.#hear(chunk));
  }

  #hear(chunk: string): void {
    const parts = (this.#said + chunk).split('\0');
    this.#said = parts.pop() ?? '';
    for (const part of parts) {
      const reply = JSON.parse(part) as Reply;
      if (reply.id === undefined) for (const listener of this.#listeners) listener(reply);
      else this.#waiting.get(reply.id)?.(reply);
    }
  }

  #fail(message: string): void {
    for (const answer of this.#waiting.values()) answer({ error: { message } });
  }

  #ask(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    this.#id += 1;
    const id = this.#id;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ error, result = {} }) => {
        this.#waiting.delete(id);
        if (error) reject(new Error(`${method}: ${error.message}`));
        else resolve(result);
      });
      (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  /** @param click an element that is clicked before one looks. */
  async open(url: string, { width, dark }: View, click?: string): Promise<Seen> {
    const { targetId } = await this.#ask('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = (await this.#ask('Target.attachToTarget', { targetId, flatten: true })) as {
      sessionId: string;
    };
    const ask = (method: string, params: object = {}) => this.#ask(method, params, sessionId);
    const [errors, requests]: [string[], string[]] = [[], []];
    let loaded = () => {};
    const load = new Promise<void>((resolve) => {
      loaded = resolve;
    });
    const listener = ({ method, params = {}, sessionId: of }: Reply) => {
      if (of !== sessionId) return;
      if (method === 'Page.loadEventFired') loaded();
      if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded' || method === 'Runtime.consoleAPICalled')
        errors.push(JSON.stringify(params));
      if (method === 'Network.requestWillBeSent') requests.push((params.request as { url: string }).url);
    };
    this.#listeners.add(listener);
    try {
      for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await ask(`${domain}.enable`);
      await ask('Emulation.setDeviceMetricsOverride', {
        width,
        height: 800,
        deviceScaleFactor: 1,
        mobile: width < 600,
      });
      await ask('Emulation.setEmulatedMedia', {
        features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }],
      });
      await ask('Page.navigate', { url });
      await load;
      const evaluate = async (expression: string) =>
        ((await ask('Runtime.evaluate', { expression, returnByValue: true })).result as { value: unknown }).value;
      if (click) await evaluate(`document.querySelector(${JSON.stringify(click)}).click()`);
      const contentWidth = Number(await evaluate('document.documentElement.scrollWidth'));
      const height = Number(await evaluate('document.documentElement.scrollHeight'));
      const clip = { x: 0, y: 0, width, height, scale: 1 };
      const { data } = await ask('Page.captureScreenshot', { captureBeyondViewport: true, clip });
      return {
        errors,
        requests: requests.filter((one) => one !== url),
        contentWidth,
        text: String(await evaluate('document.body.innerText')),
        background: String(await evaluate('getComputedStyle(document.body).backgroundColor')),
        picture: Buffer.from(String(data), 'base64'),
      };
    } finally {
      this.#listeners.delete(listener);
      await this.#ask('Target.closeTarget', { targetId }).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.pid) process.kill(-this.#child.pid, 'SIGKILL');
    await this.#ended;
    await removeWhole(this.#profile);
  }
}
