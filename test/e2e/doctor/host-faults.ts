import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { changed, docker, type Fault, type Sick } from './fault.ts';

const nothing = () => undefined;

/** Only doctor sees the machine so: nobody else has to suffer for it. */
const seen = (mounts: (s: Sick) => string) => ({
  inject: nothing,
  putBack: nothing,
  start: (s: Sick) => ({ mounts: mounts(s) }),
});

/** The deploy directory on a disk of its own, which is as full as the script leaves it. */
const onDisk = (options: string, fill: string) =>
  seen(
    ({ sandbox: { deployDir: dir } }) => `
      disk=$(mktemp -d); mount -t tmpfs -o ${options} tmpfs "$disk"; mkdir "$disk/upper" "$disk/work"; ${fill}
      mount -t overlay overlay -o "lowerdir=${dir},upperdir=$disk/upper,workdir=$disk/work" "${dir}"; cd "${dir}"; cd - > /dev/null`,
  );

/** A file of the kernel's says something else. */
const says = (file: string, edit: string) =>
  seen(() => `said=$(mktemp); sed '${edit}' ${file} > "$said"; mount --bind "$said" ${file}`);

let port = 0;
let proxy: net.Server | undefined;
let fakes = '';

export const HOST: readonly Fault[] = [
  { name: 'the disk is nearly full', finds: 'host.disk', ...onDisk('size=20m', 'head -c 19m /dev/zero > "$disk/x"') },
  {
    name: 'the file system can hardly take another file',
    finds: 'host.inodes',
    ...onDisk('nr_inodes=400', 'for n in $(seq 385); do : > "$disk/$n"; done'),
  },
  {
    name: 'memory is nearly used up',
    finds: 'host.memory',
    ...says('/proc/meminfo', 's/^MemAvailable:.*/MemAvailable:  100000 kB/'),
  },
  {
    name: 'the processors do not keep up',
    finds: 'host.load',
    ...says('/proc/loadavg', `s/.*/${[99, 99, 99].map((l) => l.toFixed(2)).join(' ')} 9\\/999 9999/`),
  },
  {
    name: 'nothing sets the clock',
    finds: 'host.clock',
    inject: () => {
      fakes = mkdtempSync(path.join(os.tmpdir(), 'wfops-fakes-'));
      writeFileSync(path.join(fakes, 'timedatectl'), '#!/bin/sh\necho no\n', { mode: 0o755 });
    },
    putBack: () => rmSync(fakes, { recursive: true }),
    start: () => ({ env: { PATH: `${fakes}:${process.env.PATH}` } }),
  },
  {
    name: 'PostgreSQL’s port is published to everybody',
    finds: 'host.exposed',
    ...changed('docker-compose.prod.yml', (t) => t.replace(/"127\.0\.0\.1:(\d+:5432)"/, '"$1"')),
  },
  {
    name: 'everybody may write to the deploy directory',
    finds: 'host.owner',
    inject: (s) => chmodSync(s.sandbox.deployDir, 0o777),
    putBack: (s) => chmodSync(s.sandbox.deployDir, 0o755),
  },
  {
    name: 'a container’s log grew without a limit',
    finds: 'host.logs',
    inject: (s) => {
      const log = docker('inspect', '-f', '{{.LogPath}}', s.container('redis'));
      grown = statSync(log).size;
      truncateSync(log, 1_200_000_000);
    },
    putBack: (s) => truncateSync(docker('inspect', '-f', '{{.LogPath}}', s.container('redis')), grown),
  },
  {
    name: 'docker talks to another machine',
    finds: 'engine.local',
    inject: () =>
      new Promise<void>((resolve) => {
        proxy = net.createServer({ allowHalfOpen: true }, (client) => {
          const engine = net.connect({ path: '/var/run/docker.sock', allowHalfOpen: true });
          for (const one of [client, engine]) one.on('error', nothing);
          client.pipe(engine).pipe(client);
        });
        proxy.listen(0, '127.0.0.1', () => {
          const address = proxy?.address();
          if (address && typeof address === 'object') port = address.port;
          resolve();
        });
      }),
    putBack: () => void proxy?.close(),
    start: () => ({ env: { DOCKER_HOST: `tcp://127.0.0.1:${port}` } }),
  },
  {
    name: 'compose is not installed',
    finds: 'engine.version',
    ...seen(() => {
      const format = '{{range .ClientInfo.Plugins}}{{if eq .Name "compose"}}{{.Path}}{{end}}{{end}}';
      return `mount --bind /dev/null ${docker('info', '-f', format)}`;
    }),
  },
  {
    name: 'another directory operates the same project',
    finds: 'stack.owner',
    inject: (s) => {
      const other = path.join(s.sandbox.deployDir, '../elsewhere');
      mkdirSync(other, { recursive: true });
      const labels = {
        project: projectOf(s),
        'project.working_dir': other,
        'project.config_files': path.join(other, 'docker-compose.prod.yml'),
        oneoff: 'False',
      };
      const flags = Object.entries(labels).flatMap(([name, value]) => [
        '--label',
        `com.docker.compose.${name}=${value}`,
      ]);
      const image = docker('inspect', '-f', '{{.Image}}', s.container('redis'));
      docker('create', '--name', `${projectOf(s)}_elsewhere`, ...flags, image);
    },
    putBack: (s) => {
      docker('rm', `${projectOf(s)}_elsewhere`);
      rmSync(path.join(s.sandbox.deployDir, '../elsewhere'), { recursive: true });
    },
  },
];

let grown = 0;

const projectOf = (s: Sick): string =>
  execFileSync(
    'docker',
    ['inspect', '-f', '{{index .Config.Labels "com.docker.compose.project"}}', s.container('redis')],
    {
      encoding: 'utf8',
    },
  ).trim();
