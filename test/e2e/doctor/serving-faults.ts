import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { app, changedInside, docker, type Fault, healthy, inside, redis, type Sick, until } from './fault.ts';

const CONFIG = '/app/gunicorn.conf.py';
const SUPERVISOR = '/etc/supervisor/conf.d/whalefall.conf';
const INDEX = '/app/frontend/dist/index.html';
const GUNICORN_INFO = '/usr/lib/python3/dist-packages/gunicorn-20.1.0.egg-info/PKG-INFO';
const DROPS = [
  changedInside('whalefall', GUNICORN_INFO, `sed -i 's/^Version:.*/Version: 23.0.0/' ${GUNICORN_INFO}`),
  changedInside('whalefall', CONFIG, `sed -i 's/^worker_class.*/worker_class = "gthread"/' ${CONFIG}`),
];
const PYTHON = '/app/.venv/bin/python';
const SCHEDULER = 'gunicorn-scheduler.conf.py';

/** A file of the application's container, with the program that reads it started again. */
const reread = (at: string, script: string, restart: string) => {
  const { inject, putBack } = changedInside('whalefall', at, script);
  return {
    inject: (s: Sick) => {
      inject(s);
      app(s, restart);
    },
    putBack: async (s: Sick) => {
      putBack(s);
      app(s, restart);
      await until(() => healthy(s));
    },
  };
};
const RESTART_WEB = 'supervisorctl restart whalefall_web';

/** Process ids of this machine, the oldest first. */
function pidsIn(s: Sick, service: 'whalefall' | 'postgres', words: string): number[] {
  const lines = docker('top', s.container(service), '-eo', 'pid,args').split('\n').slice(1);
  return lines.filter((l) => l.includes(words)).map((l) => Number.parseInt(l, 10));
}

/** Memory's control group of the application, of either version. */
function memoryOf(s: Sick): { readonly used: number; limit(bytes: number | undefined): void } {
  const pid = docker('inspect', '-f', '{{.State.Pid}}', s.container('whalefall'));
  const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  const [, one] = /^\d+:memory:(.*)$/m.exec(groups) ?? [];
  const [, two = ''] = /^0::(.*)$/m.exec(groups) ?? [];
  const dir = one === undefined ? path.join('/sys/fs/cgroup', two) : path.join('/sys/fs/cgroup/memory', one);
  const [used, limit, none] =
    one === undefined
      ? ['memory.current', 'memory.max', 'max']
      : ['memory.usage_in_bytes', 'memory.limit_in_bytes', '-1'];
  return {
    used: Number(readFileSync(path.join(dir, used), 'utf8')),
    limit: (bytes) => writeFileSync(path.join(dir, limit), bytes === undefined ? none : String(bytes)),
  };
}

async function restarted(s: Sick, service: 'whalefall' | 'redis' | 'postgres'): Promise<void> {
  docker('restart', s.container(service));
  await until(() => healthy(s));
}

/** Seconds that supervisor's program has run; 0 when it does not. */
function runningFor(s: Sick, program: string): number {
  const [, h = 0, m = 0, sec = 0] = /uptime (\d+):(\d+):(\d+)/.exec(app(s, `supervisorctl status ${program}`)) ?? [];
  return Number(h) * 3600 + Number(m) * 60 + Number(sec);
}

/** A rule of this machine's that refuses the application's own port. */
const firewall = (s: Sick, action: '-I' | '-D') => {
  const port = /:(\d+)$/m.exec(docker('port', s.container('whalefall'), '5001'))?.[1] ?? '?';
  const rule = ['INPUT', '-i', 'lo', '-p', 'tcp', '--dport', port, '-j', 'REJECT', '--reject-with', 'tcp-reset'];
  execFileSync('iptables', [action, ...rule, '-m', 'comment', '--comment', 'wfops-test']);
};

const SITE = '/etc/nginx/sites-available/whalefall';
const RELOAD_NGINX = 'nginx -t -q && nginx -s reload; sleep 1';

let scheduler = 0;
let soft = '';

/** What serves, and does not, though its container runs. */
export const SERVING: readonly Fault[] = [
  {
    name: 'Python is gone from the container',
    finds: 'app.inside',
    inject: (s) => void app(s, `mv ${PYTHON} ${PYTHON}.kept`),
    putBack: (s) => void app(s, `mv ${PYTHON}.kept ${PYTHON}`),
  },
  {
    name: 'gunicorn listens on another port',
    finds: 'gunicorn.web',
    below: ['health.basic', 'health.deep', 'nginx.answers'],
    ...reread(CONFIG, `sed -i 's/:5001/:5009/' ${CONFIG}`, RESTART_WEB),
  },
  {
    name: 'an import never ends',
    finds: 'gunicorn.workers',
    below: ['health.basic', 'health.deep'],
    inject: (s) => {
      app(s, `cp -p /app/wsgi.py /app/wsgi.py.kept; sed -i '1i import time; time.sleep(900)' /app/wsgi.py`);
      app(s, RESTART_WEB);
    },
    putBack: async (s) => {
      // They are asleep and hear nothing; supervisor starts the program anew.
      app(s, `mv /app/wsgi.py.kept /app/wsgi.py; pkill -9 -f "[g]unicorn --config ${CONFIG}"; true`);
      await until(() => healthy(s));
    },
  },
  {
    name: 'a worker was killed',
    finds: 'gunicorn.timeouts',
    inject: async (s) => {
      app(s, `pkill -9 -n -f "[g]unicorn --config ${CONFIG}"`);
      await until(() => healthy(s));
    },
    putBack: () => undefined,
  },
  {
    name: 'nginx listens on another port',
    finds: 'nginx.answers',
    below: ['health.basic'],
    ...reread(SITE, `sed -i 's/listen 80 /listen 81 /' ${SITE}`, RELOAD_NGINX),
  },
  {
    name: 'nginx answers the health check by itself',
    finds: 'health.basic',
    ...reread(
      SITE,
      `sed -i 's|^ *listen 80.*|&location = /api/v1/health/basic { return 200 "back soon"; }|' ${SITE}`,
      RELOAD_NGINX,
    ),
  },
  {
    name: 'the application says that it is not well, and nothing else does',
    finds: 'health.deep',
    ...reread('/app/release.json', `sed -i '1s/{/{"deep_unhealthy": true,/' /app/release.json`, RESTART_WEB),
  },
  {
    name: 'a script that the page names is gone',
    finds: 'routes.served',
    ...changedInside('whalefall', INDEX, `echo '<script src="/assets/gone.js"></script>' >> ${INDEX}`),
  },
  {
    name: 'nginx leads somewhere that its configuration does not say plainly',
    finds: 'routes.known',
    ...reread(
      SITE,
      `sed -i 's|^ *listen 80.*|&location /elsewhere/ { proxy_pass http://unix:/run/elsewhere.sock; }|' ${SITE}`,
      RELOAD_NGINX,
    ),
  },
  {
    name: 'workers come to max_requests together',
    finds: 'gunicorn.recycling',
    ...reread(CONFIG, `sed -i 's/^max_requests_jitter.*/max_requests_jitter = 7/' ${CONFIG}`, RESTART_WEB),
  },
  {
    name: 'gunicorn is one whose threaded workers close what they have not read',
    finds: 'gunicorn.leaving',
    inject: (s) => {
      for (const { inject } of DROPS) inject(s);
    },
    putBack: (s) => {
      for (const { putBack } of DROPS) putBack(s);
    },
  },
  {
    name: 'the web program runs the scheduler as well',
    finds: 'scheduler.one',
    ...reread(SUPERVISOR, `sed -i '/^environment=/s/false/true/' ${SUPERVISOR}`, 'supervisorctl update'),
  },
  {
    name: 'a program crashed, and was started again',
    finds: 'supervisor.flapping',
    inject: async (s) => {
      await until(() => runningFor(s, 'nginx') > 130);
      app(s, `pkill -9 -o -f ${SCHEDULER}`);
      await until(() => runningFor(s, 'whalefall_scheduler') < 60);
      await until(() => /^[1-5]/.test(app(s, `curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:5002/; true`)));
    },
    putBack: () => undefined,
  },
  {
    name: 'a child was killed for lack of memory, and nothing else',
    finds: 'app.memory',
    inject: (s) => {
      const { used, limit } = memoryOf(s);
      limit(used + 40_000_000);
      try {
        app(s, 'sh -c "echo 1000 > /proc/self/oom_score_adj; exec tail /dev/zero"; true');
      } finally {
        limit(undefined);
      }
    },
    putBack: (s) => restarted(s, 'whalefall'),
  },
  {
    name: 'a process has hardly a file left to open',
    finds: 'app.open-files',
    inject: (s) => {
      [scheduler = 0] = pidsIn(s, 'whalefall', SCHEDULER);
      const limit = () =>
        execFileSync('prlimit', [`--pid=${scheduler}`, '--nofile', '-o', 'SOFT', '--noheadings', '--raw']);
      soft = limit().toString().trim();
      const open = readdirSync(`/proc/${scheduler}/fd`).length;
      execFileSync('prlimit', [`--pid=${scheduler}`, `--nofile=${Math.ceil(open / 0.9)}:`]);
    },
    putBack: () => void execFileSync('prlimit', [`--pid=${scheduler}`, `--nofile=${soft}:`]),
  },
  {
    name: 'a firewall of this machine refuses the port',
    finds: 'ports.app',
    below: ['health.deep'],
    inject: (s) => firewall(s, '-I'),
    putBack: (s) => firewall(s, '-D'),
  },
  {
    name: 'a health check fails, and nothing else',
    finds: 'container.health',
    inject: async (s) => {
      inside(s.container('postgres'), 'f=$(command -v pg_isready) && mv "$f" "$f.kept"');
      await until(() => docker('inspect', '-f', '{{.State.Health.Status}}', s.container('postgres')) === 'unhealthy');
    },
    putBack: async (s) => {
      inside(s.container('postgres'), 'f=$(command -v pg_isready.kept) && mv "$f" "$(dirname "$f")/pg_isready"');
      await until(() => docker('inspect', '-f', '{{.State.Health.Status}}', s.container('postgres')) === 'healthy');
    },
  },
  {
    name: 'a container ended, and the engine started it again',
    finds: 'container.restarts',
    inject: async (s) => {
      try {
        redis(s, 'SHUTDOWN NOSAVE');
      } catch {
        // it ends with its container
      }
      await until(() => docker('inspect', '-f', '{{.RestartCount}}', s.container('redis')) !== '0');
      await until(() => healthy(s));
    },
    putBack: (s) => restarted(s, 'redis'),
  },
  {
    name: 'PostgreSQL takes no session',
    finds: 'postgres.answers',
    inject: (s) => freeze(s, 'SIGSTOP'),
    putBack: async (s) => {
      freeze(s, 'SIGCONT');
      await until(() => healthy(s));
    },
  },
];

const freeze = (s: Sick, signal: 'SIGSTOP' | 'SIGCONT') =>
  void process.kill(Number(docker('inspect', '-f', '{{.State.Pid}}', s.container('postgres'))), signal);
