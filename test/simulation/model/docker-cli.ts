import { readFileSync } from 'node:fs';
import path from 'node:path';
import { diffLines, write } from './app-files.ts';
import type { Cluster } from './cluster.ts';
import { compose } from './compose.ts';
import { imageEnv, inspected, template, WORKING_DIR } from './docker-format.ts';
import { Doorman } from './doorman.ts';
import { type Container, EngineError, type Image, requireLayer, requireMounts } from './engine.ts';
import { labelsOf, many, one, type Parsed, parseFlags, unknown } from './flags.ts';
import type { Host } from './host.ts';
import { inContainer } from './in-container.ts';
import type { Call, Conversation, Reply } from './process.ts';
import { LIBRARIES } from './sql-queries.ts';
import { pack, type Tree, unpack } from './tar.ts';

/** `docker …`: the engine's answer to one call. */
export function docker(machine: Host, call: Call): Reply {
  const [, command = '', ...words] = call.argv;
  try {
    if (command === 'compose') return compose(machine, call);
    if (command === 'exec') return inContainer(machine, call);
    const two = ['volume', 'network', 'image', 'context'].includes(command);
    const name = two ? `${command} ${words[0]}` : command;
    const known = COMMANDS[name] ?? unknown(call.argv.join(' '));
    if (!known.reads?.(words)) machine.changed(call);
    return known.answer(machine, two ? words.slice(1) : words, call);
  } catch (error) {
    if (error instanceof EngineError) return { exitCode: 1, stderr: `${error.message}\n` };
    throw error;
  }
}

interface Known {
  readonly answer: (machine: Host, words: readonly string[], call: Call) => Reply;
  /** Whether the call only looks; changes are to be announced in the journal. */
  readonly reads?: (words: readonly string[]) => boolean;
}

const looks = () => true;
/** What the application's image starts. */
const START = '/usr/local/bin/start-prod-services.sh';

const COMMANDS: Readonly<Record<string, Known>> = {
  'context inspect': {
    reads: looks,
    answer: ({ endpoint }) => ({ stdout: `${endpoint.startsWith('unix') ? 'default' : 'far-away'}\t${endpoint}\n` }),
  },
  info: {
    reads: looks,
    answer: (_machine, [, format]) => ({ stdout: format === '{{.ID}}' ? 'MODEL:ENGINE\n' : '["name=seccomp"]\n' }),
  },
  version: { reads: looks, answer: () => ({ stdout: '20.10.24\n' }) },
  ps: { reads: looks, answer: ps },
  inspect: { reads: looks, answer: inspect },
  diff: { reads: looks, answer: diff },
  wait: { reads: looks, answer: ({ engine }, [id = '']) => ({ stdout: `${engine.container(id).exitCode}\n` }) },
  logs: {
    reads: looks,
    answer: ({ engine }, words) => {
      const container = engine.container(parseFlags(words, '', '--tail').rest[0] ?? '');
      if (container.said !== undefined) return { stdout: `${container.said}\n` };
      return { stderr: `last words of ${container.name}: ${container.env.DATABASE_URL ?? ''}\n` };
    },
  },
  'image inspect': { reads: looks, answer: imageInspect },
  'image ls': { reads: looks, answer: imageLs },
  'image rm': { answer: imageRm },
  'volume inspect': { reads: looks, answer: volumeInspect },
  'volume ls': { reads: looks, answer: volumeLs },
  rename: {
    answer: ({ engine }, [id = '', name = '']) => {
      const container = engine.container(id);
      if (container.name === name)
        throw new EngineError(
          'Error response from daemon: Renaming a container with the same name as its current name',
        );
      if (engine.find(name))
        throw new EngineError(`Error response from daemon: Conflict. The container name "/${name}" is already in use`);
      if (container.state === 'restarting') throw new EngineError('Error response from daemon: sandbox not found');
      container.name = name;
      return {};
    },
  },
  'volume rm': { answer: ({ engine }, names) => each(names, (name) => engine.removeVolume(name)) },
  'network create': {
    answer: ({ engine }, words) => {
      const flags = parseFlags(words, '--internal', '--label');
      const [name = ''] = flags.rest;
      if (engine.networks.has(name)) throw new EngineError(`Error response from daemon: network ${name} exists`);
      engine.networks.set(name, labelsOf(flags));
      return { stdout: `${name}\n` };
    },
  },
  'network connect': {
    answer: ({ engine }, [name = '', id = '']) => {
      Object.assign(engine.container(id).networks, { [name]: [] });
      return {};
    },
  },
  'network rm': {
    answer: ({ engine }, [name = '']) => {
      if (!engine.networks.has(name)) throw new EngineError(`Error: No such network: ${name}`);
      if (engine.containers.some((c) => c.state === 'running' && name in c.networks))
        throw new EngineError(`Error response from daemon: error while removing network: ${name} has active endpoints`);
      engine.networks.delete(name);
      return { stdout: `${name}\n` };
    },
  },
  'network ls': { reads: looks, answer: networkLs },
  stop: {
    answer: ({ engine }, words) =>
      each(parseFlags(words, '', '-t').rest, (id) => {
        engine.container(id).stoppedByHand = true;
        engine.stop(engine.container(id));
      }),
  },
  update: {
    answer: ({ engine }, words) => {
      const flags = parseFlags(words, '', '--restart');
      return each(flags.rest, (id) => {
        engine.container(id).restart = one(flags, '--restart');
      });
    },
  },
  restart: {
    answer: ({ engine }, words) =>
      each(parseFlags(words, '', '-t').rest, (id) => {
        engine.stop(engine.container(id));
        engine.start(engine.container(id));
      }),
  },
  unpause: { answer: ({ engine }, [id = '']) => change(engine.container(id), 'paused', 'running') },
  start: { answer: ({ engine }, ids) => each(ids, (id) => engine.start(engine.container(id))) },
  rm: {
    answer: ({ engine }, words) => each(parseFlags(words, '-f -v').rest, (id) => engine.remove(engine.container(id))),
  },
  tag: {
    answer: ({ engine }, [from = '', to = '']) => {
      engine.tag(engine.image(from), to);
      return {};
    },
  },
  commit: {
    answer: ({ engine }, words) => {
      const flags = parseFlags(words, '--pause=false', '--change');
      const [id = '', tag = ''] = flags.rest;
      requireLayer(engine.container(id));
      const { image, layer, labels, env } = engine.container(id);
      if (!engine.images.includes(image))
        throw new EngineError(`Error response from daemon: content digest ${image.id}: not found`);
      const committed = engine.addImage(image.program, tag, {
        ...(image.release && { release: image.release }),
        layer: { ...layer },
        env: { ...image.env, ...env },
        labels: { ...labels, ...labelled(many(flags, '--change')) },
      });
      return { stdout: `${committed.id}\n` };
    },
  },
  cp: { reads: ([, to]) => to === '-', answer: cp },
  create: { answer: (machine, words, call) => ({ stdout: `${created(machine, words, call).container.id}\n` }) },
  // Nothing can be written to what is mounted like that.
  run: {
    reads: (words) =>
      words.includes('test') ||
      words.includes('df') ||
      words.includes('--version') ||
      words.some((w) => w.includes('postgres --single')) ||
      words.some((w) => w.endsWith(':ro') && w.includes(':/v/')),
    answer: run,
  },
};

function change(container: Container, from: Container['state'], to: Container['state']): Reply {
  if (container.state !== from)
    throw new EngineError(`Error response from daemon: Container ${container.id} is not ${from}`);
  container.state = to;
  return { stdout: `${container.id}\n` };
}

/** One after the other; what fails does not keep the others from it. */
function each(names: readonly string[], act: (name: string) => void): Reply {
  const failures: string[] = [];
  for (const name of names) {
    try {
      act(name);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      failures.push(`${error.message}\n`);
    }
  }
  return {
    stdout: names.map((n) => `${n}\n`).join(''),
    stderr: failures.join(''),
    exitCode: failures.length > 0 ? 1 : 0,
  };
}

function ps({ engine }: Host, words: readonly string[]): Reply {
  const flags = parseFlags(words, '-a -q --no-trunc', '--filter --format');
  const fits = (c: Container) =>
    many(flags, '--filter').every((filter) => {
      const [, what, key = '', value] = /^(\w+)=([^=]+)(?:=(.*))?$/.exec(filter) ?? [];
      if (what === 'label') return value === undefined ? key in (c.labels ?? {}) : c.labels?.[key] === value;
      return what === 'volume' ? Object.values(c.mounts ?? {}).includes(key) : unknown(`filter ${filter}`);
    });
  const format = one(flags, '--format') ?? (flags.on.has('-q') ? '{{.ID}}' : unknown('ps without a format'));
  const lines = engine.containers
    .filter(fits)
    .map((c) => `${template(format, { ID: c.id, Names: c.name, State: c.state, Labels: c.labels ?? {} })}\n`);
  return { stdout: lines.join('') };
}

function networkLs({ engine }: Host, words: readonly string[]): Reply {
  const flags = parseFlags(words, '--no-trunc', '--filter --format');
  const [, key, value] = /^label=([^=]+)=(.*)$/.exec(one(flags, '--filter') ?? '') ?? [];
  const lines = [...engine.networks]
    .filter(([, labels]) => key === undefined || labels[key] === value)
    .map(([name, labels]) => `${template(one(flags, '--format') ?? '', { ID: name, Name: name, Labels: labels })}\n`);
  return { stdout: lines.join('') };
}

function inspect({ engine }: Host, words: readonly string[]): Reply {
  const flags = parseFlags(words, '', '-f');
  const format = one(flags, '-f');
  const found = flags.rest.map((id) => engine.find(id));
  const there = found.filter((c) => c !== undefined).map((c) => inspected(engine, c));
  const missing = flags.rest.filter((_, i) => found[i] === undefined).map((id) => `Error: No such object: ${id}\n`);
  const stdout = format ? there.map((c) => `${template(format, c)}\n`).join('') : `${JSON.stringify(there)}\n`;
  return { stdout, stderr: missing.join(''), exitCode: missing.length > 0 ? 1 : 0 };
}

function diff({ engine }: Host, [id = '']: readonly string[]): Reply {
  requireLayer(engine.container(id));
  return {
    stdout: diffLines(engine.container(id))
      .map((line) => `${line}\n`)
      .join(''),
  };
}

/** The command that it starts is the application's own, whoever says it. */
const labelled = (changes: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    changes.flatMap((line) => {
      if (line === `CMD ["${START}"]`) return [];
      const [, key = '', value = ''] = /^LABEL "(.*)"="(.*)"$/.exec(line) ?? unknown(line);
      return [[key, value]];
    }),
  );

const variables = (i: Image) => Object.entries({ ...imageEnv(i.program), ...i.env }).map((e) => e.join('='));

function imageInspect({ engine }: Host, words: readonly string[]): Reply {
  const flags = parseFlags(words, '', '-f');
  const found = flags.rest.flatMap((name) => engine.findImage(name) ?? []);
  const missing = flags.rest.filter((name) => !engine.findImage(name));
  const stderr = missing.map((name) => `Error: No such image: ${name}\n`).join('');
  const format = one(flags, '-f');
  const exitCode = missing.length > 0 ? 1 : 0;
  if (format) {
    const lines = found.map(
      (i) =>
        `${template(format, { Id: i.id, RepoTags: [...i.tags], Size: 500_000_000, Config: { Entrypoint: null, Cmd: [START], Env: variables(i), Labels: i.labels ?? {} } })}\n`,
    );
    return { stdout: lines.join('') || '\n', stderr, exitCode };
  }
  const Volumes = (program: string) => (program === 'postgres' ? { '/var/lib/postgresql/data': {} } : null);
  const all = found.map((i) => ({
    Id: i.id,
    Config: {
      Env: variables(i),
      Cmd: [i.program],
      WorkingDir: WORKING_DIR[i.program],
      Volumes: Volumes(i.program),
    },
  }));
  return { stdout: exitCode === 0 ? JSON.stringify(all) : '\n', stderr, exitCode };
}

function imageLs({ engine }: Host, words: readonly string[]): Reply {
  const flags = parseFlags(words, '--no-trunc -q', '--format --filter');
  const [, label, value] = /^label=([^=]+)=(.*)$/.exec(one(flags, '--filter') ?? '') ?? [];
  if (label !== undefined)
    return { stdout: engine.images.flatMap((i) => (i.labels?.[label] === value ? [`${i.id}\n`] : [])).join('') };
  const tags = engine.images.flatMap((i) => [...i.tags]).map((tag) => tag.split(':') as [string, string]);
  const lines = tags
    .filter(([repository]) => repository === flags.rest[0])
    .map(([Repository, Tag]) => `${template(one(flags, '--format') ?? '', { Repository, Tag })}\n`);
  return { stdout: lines.join('') };
}

/** A tag; with the last one, the image. */
function imageRm({ engine }: Host, [reference = '']: readonly string[]): Reply {
  const image = engine.image(reference);
  const last = image.tags.size === 1;
  if (last && engine.containers.some((c) => c.image === image))
    throw new EngineError(`Error response from daemon: conflict: unable to remove ${reference}, a container uses it`);
  image.tags.delete(reference);
  if (last) engine.images.splice(engine.images.indexOf(image), 1);
  return { stdout: `Untagged: ${reference}\n` };
}

function volumeInspect({ engine }: Host, names: readonly string[]): Reply {
  const found = names.flatMap((name) => engine.volumes.get(name) ?? []);
  const missing = names.filter((name) => !engine.volumes.has(name));
  const stdout = found.map((v) => ({
    Name: v.name,
    CreatedAt: v.createdAt,
    Driver: 'local',
    Labels: v.labels,
    Options: v.options ?? null,
  }));
  return {
    stdout: `${JSON.stringify(stdout)}\n`,
    stderr: missing.map((name) => `Error: No such volume: ${name}\n`).join(''),
    exitCode: missing.length > 0 ? 1 : 0,
  };
}

function volumeLs({ engine }: Host, words: readonly string[]): Reply {
  const flags = parseFlags(words, '-q', '--filter --format');
  const [, key = '', value] = /^label=([^=]+)=(.*)$/.exec(one(flags, '--filter') ?? '') ?? [];
  const found = [...engine.volumes.values()].filter((v) => key === '' || v.labels[key] === value);
  return { stdout: found.map((v) => `${v.name}\n`).join('') };
}

/** Out of a container, into it as a tar, or a single file into it. */
function cp({ engine }: Host, [from = '', to = '']: readonly string[], call: Call): Reply {
  if (to === '-') {
    const [container, directory] = placeOf(engine, from);
    const prefix = engine.isMount(container, directory) ? '' : `${directory}/`;
    const files: Tree = {};
    for (const [name, content] of Object.entries(engine.filesAt(container, directory)))
      if (name.startsWith(prefix)) files[name.slice(prefix.length)] = content;
    const there = engine.isMount(container, directory) || container.image.program === 'app';
    if (!there) throw new EngineError(`Error: Could not find the file ${directory} in container ${container.id}`);
    return { stdout: pack(path.posix.basename(directory), files) };
  }
  const [container, directory] = placeOf(engine, to);
  if (container.readOnly) throw new EngineError('Error response from daemon: container rootfs is marked read-only');
  if (from !== '-') {
    write(container, directory, readFileSync(from, 'utf8'));
    return {};
  }
  if (call.input.length === 0) return {};
  const packed = unpack(call.input);
  if (!packed) return { exitCode: 1, stderr: 'Error response from daemon: unexpected EOF\n' };
  const target = path.posix.join(directory, packed.root);
  const prefix = engine.isMount(container, target) ? '' : `${target}/`;
  const files = engine.filesAt(container, target);
  for (const [name, content] of Object.entries(packed.files)) files[prefix + name] = structuredClone(content);
  return {};
}

function placeOf(engine: Host['engine'], place: string): [Container, string] {
  const [id = '', directory = ''] = place.split(':');
  const container = engine.container(id);
  requireMounts(container);
  return [container, directory];
}

const RUN_BARE = '-d -i --rm --no-trunc --sig-proxy=false';
const RUN_VALUED =
  '--pull --name --network --network-alias --label --cpu-shares --oom-score-adj --shm-size --tmpfs --memory -e -v -p --entrypoint --user';

function created({ engine }: Host, words: readonly string[], call: Call): { container: Container; flags: Parsed } {
  const flags = parseFlags(words, RUN_BARE, RUN_VALUED);
  const [reference = '', ...args] = flags.rest;
  const network = one(flags, '--network') ?? 'bridge';
  const alias = one(flags, '--network-alias');
  const env = many(flags, '-e').map((name): [string, string] => [name, call.env[name] ?? '']);
  const mounts = many(flags, '-v').map((v) => v.split(':'));
  const named = mounts.filter(([from = '', to]) => to !== undefined && !from.startsWith('/'));
  const anonymous = [...mounts.filter(([, to]) => to === undefined).map(([at]) => at), ...many(flags, '--tmpfs')];
  const entrypoint = one(flags, '--entrypoint');
  const taken = engine.containers.flatMap((c) => (c.ports ?? []).map((p) => p.published));
  const free = Math.max(32_767, ...taken) + 1;
  const container = engine.create({
    name: one(flags, '--name') ?? `nameless_${engine.newId().slice(0, 12)}`,
    image: engine.image(reference),
    env: Object.fromEntries(env),
    labels: labelsOf(flags),
    ...(entrypoint ? { command: [entrypoint, ...args] } : {}),
    networks: { [network]: alias ? [alias] : [] },
    mounts: {
      ...Object.fromEntries(named.map(([name, at]) => [at, name])),
      ...Object.fromEntries(anonymous.map((at) => [at?.split(':')[0], undefined])),
    },
    autoRemove: flags.on.has('--rm'),
    // The engine chooses among its own.
    ports: many(flags, '-p').map((published, at) => {
      const [, hostIp, target] = /^(.*)::(\d+)$/.exec(published) ?? unknown(published);
      return { hostIp, target: Number(target), published: free + at };
    }),
  });
  return { container, flags };
}

function run(machine: Host, words: readonly string[], call: Call): Reply {
  const looked = lookedInto(machine, words);
  if (looked) return looked;
  const single = words.findIndex((w) => w.includes('postgres --single'));
  if (single > 0) {
    const { libraries = LIBRARIES } = machine.engine.image(words[single - 2] ?? '');
    return {
      stdout: `PostgreSQL stand-alone backend\nbackend> \t 1: answer = "${JSON.stringify(libraries)}"\t(typeid = 114)\n`,
    };
  }
  if (words.at(-1) === '--version') {
    const { env, program } = machine.engine.image(words.at(-2) ?? '');
    return { stdout: `${program} (PostgreSQL) ${env?.SAYS_VERSION ?? '15.6'}\n` };
  }
  const { container, flags } = created(machine, words, call);
  const { engine } = machine;
  if (flags.on.has('-d')) {
    engine.start(container);
    return { stdout: `${container.id}\n` };
  }
  const [shell, , text = ''] = container.command ?? [];
  if (shell === 'sh' && text.includes('PG_VERSION')) return dataDirectories(machine, container);
  if (container.command?.[0] === 'df') {
    engine.remove(container);
    return {
      stdout: 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 100000000 1 90000000 1% /d\n',
    };
  }
  // The other command that runs in the foreground: moves everything in a volume into a directory beside it.
  const [entrypoint, , script, , directory = ''] = container.command ?? [];
  if (entrypoint !== 'sh' || !script?.includes('mkdir "$1" && find . -mindepth 1')) return unknown(call.argv.join(' '));
  const files = engine.filesAt(container, '/v');
  for (const [name, content] of Object.entries(files)) {
    if (name.startsWith(`${directory}/`)) continue;
    delete files[name];
    files[`${directory}/${name}`] = content;
  }
  engine.remove(container);
  return {};
}

/** `--entrypoint test <image> -e <path>`: whether the build was given such a file. */
function lookedInto({ engine }: Host, words: readonly string[]): Reply | undefined {
  const at = words.indexOf('test');
  if (words[at - 1] !== '--entrypoint') return undefined;
  const [image = '', , file = ''] = words.slice(at + 1);
  return { exitCode: engine.image(image).files?.has(path.posix.relative('/app', file)) ? 0 : 1 };
}

/** `docker run -i` of a doorman, attached. */
export function attach(machine: Host, call: Call): Conversation | Reply {
  machine.changed(call);
  try {
    const { container } = created(machine, call.argv.slice(2), call);
    container.doorman = new Doorman(machine.engine, container);
    machine.engine.start(container);
    return container.doorman.talk();
  } catch (error) {
    if (error instanceof EngineError) return { exitCode: 125, stderr: error.message };
    throw error;
  }
}

/** What a look into volumes finds: clusters and what Redis writes. */
function dataDirectories({ engine }: Host, container: Container): Reply {
  const lines = Object.entries(container.mounts ?? {}).flatMap(([at]) => {
    if (!at.startsWith('/v/')) return [];
    return Object.entries(engine.filesAt(container, at)).flatMap(([name, content]) => {
      const directory = path.posix.join(`.${at.slice(2)}`, path.posix.dirname(name));
      if (path.posix.basename(name) === 'cluster')
        return [
          `postgres|${(content as Cluster).major ?? '15'}|${(content as Cluster).systemIdentifier}|./${directory}`,
        ];
      return path.posix.basename(name) === 'appendonly.aof' ? [`redis|||./${directory}`] : [];
    });
  });
  engine.remove(container);
  return { stdout: lines.map((line) => `${line}\n`).join('') };
}
