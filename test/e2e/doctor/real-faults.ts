import { execFileSync } from 'node:child_process';
import { copyFileSync, renameSync, writeFileSync } from 'node:fs';
import { app, docker, type Fault, file, git, KEPT, type Sick } from './fault.ts';

const CERTIFICATE = 'ssl/cert.pem';
const KEY = 'ssl/key.pem';
const NAMES = 'DNS:localhost,DNS:sandbox.invalid';
const SOURCE = 'frontend/src/version.txt';
const RELOAD_NGINX = 'nginx -t -q && nginx -s reload; sleep 1';

/** Another certificate lies there; whether nginx has read it is another question. */
const certified = (days: number, names: string, reload: boolean) => ({
  inject: (s: Sick) => {
    for (const name of [CERTIFICATE, KEY]) copyFileSync(file(s, name), file(s, name) + KEPT);
    const to = ['-keyout', file(s, KEY), '-out', file(s, CERTIFICATE)];
    const flags = ['-days', String(days), '-subj', '/CN=test', '-addext', `subjectAltName=${names}`];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...flags, ...to], { stdio: 'ignore' });
    if (reload) app(s, RELOAD_NGINX);
  },
  putBack: (s: Sick) => {
    for (const name of [CERTIFICATE, KEY]) renameSync(file(s, name) + KEPT, file(s, name));
    app(s, RELOAD_NGINX);
  },
});

/** What only a stack with TLS and a built front end can have. */
export const REAL: readonly Fault[] = [
  {
    name: 'the certificate ends in ten days',
    finds: 'tls.certificate',
    ...certified(10, NAMES, true),
  },
  {
    name: 'the certificate is for other names',
    finds: 'tls.names',
    ...certified(30, 'DNS:elsewhere.invalid', true),
  },
  {
    name: 'the certificate was renewed, and nginx has not read it',
    finds: 'tls.served',
    ...certified(30, NAMES, false),
  },
  {
    name: 'the key is of another certificate',
    finds: 'nginx.config',
    inject: (s) => {
      copyFileSync(file(s, KEY), file(s, KEY) + KEPT);
      writeFileSync(file(s, KEY), execFileSync('openssl', ['genrsa', '2048'], { stdio: ['ignore', 'pipe', 'ignore'] }));
    },
    putBack: (s) => renameSync(file(s, KEY) + KEPT, file(s, KEY)),
  },
  {
    name: 'what compose mounts is gone',
    finds: 'container.mounts',
    inject: (s) => renameSync(file(s, 'ssl'), file(s, 'ssl') + KEPT),
    putBack: (s) => renameSync(file(s, 'ssl') + KEPT, file(s, 'ssl')),
  },
  {
    name: 'the pages are older than their sources',
    finds: 'release.frontend',
    // As the former script released: pulled, copied into the container, and not built.
    inject: async (s) => {
      await s.release({ files: { [SOURCE]: 'the next' } });
      git(s, 'pull', '-q');
      docker('cp', file(s, SOURCE), `${s.container('whalefall')}:/app/${SOURCE}`);
      docker('cp', file(s, 'release.json'), `${s.container('whalefall')}:/app/release.json`);
    },
    putBack: (s) => {
      git(s, 'reset', '-q', '--hard', 'HEAD~1');
      for (const name of [SOURCE, 'release.json'])
        docker('cp', file(s, name), `${s.container('whalefall')}:/app/${name}`);
    },
  },
];
