import path from 'node:path';
import { type Agent, json, traceback } from './agents.ts';
import { behaviourAt, blobId, exists, fileAt, link, pathsBelow, remove, touch, write } from './app-files.ts';
import type { Container } from './engine.ts';
import { INVALID } from './release-files.ts';
import { pack as packed, unpack as unpacked } from './tar.ts';

const entry = (c: Container, file: string) => {
  const there = fileAt(c, file);
  return there && there.mode !== 'directory' ? { mode: there.mode, blob: blobId(there.data) } : undefined;
};

export const inventory: Agent = ({ container }, _app, { root, skipped, also, contents }) => {
  const inside = (place: string) =>
    pathsBelow(container, place.slice(0, -1)).filter((p) => !p.slice(place.length).includes('/'));
  const asked = (also as readonly string[]).flatMap((place) => (place.endsWith('/') ? inside(place) : [place]));
  const elsewhere = Object.fromEntries(asked.map((f) => [f, entry(container, f)]));
  const skip = skipped as readonly string[];
  const isSkipped = (below: string) => skip.some((s) => below === s || below.startsWith(`${s}/`));
  const found = pathsBelow(container, root as string)
    .map((file) => [file.slice((root as string).length + 1), entry(container, file)] as const)
    .filter(([below, what]) => what && !isSkipped(below) && !/\.pyc$|(^|\/)__pycache__\//.test(below));
  const texts = (contents as readonly string[]).flatMap((pattern) => matching(container, pattern));
  const content = (file: string) => fileAt(container, file)?.data ?? null;
  return json({
    files: Object.fromEntries(found),
    elsewhere,
    contents: Object.fromEntries(texts.map((file) => [file, content(file)])),
  });
};

/** Files of a path, in which one name may be `*`; or a directory. */
function matching(container: Container, pattern: string): string[] {
  const [above, below] = pattern.split('/*/');
  if (below === undefined) return exists(container, pattern) ? [pattern] : [];
  const place = `${above}/`;
  return pathsBelow(container, above ?? '').filter(
    (p) => /^[^/]+\/[^/]+$/.test(p.slice(place.length)) && p.endsWith(`/${below}`),
  );
}

export const compile: Agent = ({ container, changes }, _app, args) => {
  changes();
  const errors = (args.files as string[]).flatMap((file) => {
    const there = fileAt(container, `${args.staged}/${file}`);
    if (!there) return [{ path: file, why: 'No such file or directory' }];
    return there.data.includes(INVALID) ? [{ path: file, why: 'SyntaxError: invalid syntax' }] : [];
  });
  return json(errors);
};

export const save: Agent = ({ container, changes }, _app, { paths, into, killed, list }) => {
  changes();
  const listed = (dir: string) => JSON.parse(fileAt(container, `${dir}/${list}`)?.data ?? '[]') as string[];
  const ofKilled = new Map<string, string>();
  for (const run of killed as string[])
    for (const file of listed(run)) if (!ofKilled.has(file)) ofKilled.set(file, `${run}/old${file}`);
  const sources = new Map([...(paths as string[]).map((file) => [file, file] as const), ...ofKilled]);
  const there = [...sources].filter(([, source]) => entry(container, source));
  for (const [file, source] of there)
    if (!fileAt(container, `${into}${file}`)) link(container, source, `${into}${file}`);
  write(container, `${path.posix.dirname(into as string)}/${list}`, JSON.stringify([...sources.keys()]));
  const isThere = new Set(there.map(([file]) => file));
  const absent = [...sources.keys()].filter((file) => !isThere.has(file));
  return json({ there: [...isThere], absent, ofKilled: ofKilled.size > 0 });
};

/** Removals first, then renames, one by one: a container that dies in the middle is left with some of both. */
export const place: Agent = ({ container, changes, cut }, app, args) => {
  changes();
  const put = args.put as [source: string, file: string][];
  const deeds = [
    ...(args.remove as string[]).map((file) => () => remove(container, file)),
    ...put.map(([source, file]) => () => {
      if (!fileAt(container, source)) throw new Error(`FileNotFoundError: '${source}' -> '${file}${args.suffix}'`);
      if (fileAt(container, source) !== fileAt(container, file)) link(container, source, file);
    }),
    ...(args.caches as string[]).map((file) => () => remove(container, file)),
    ...(args.touch as string[]).map((file) => () => {
      const node = fileAt(container, file);
      if (node) touch(container, node);
    }),
  ];
  const half = put.length + (args.remove as string[]).length;
  try {
    for (const deed of cut ? deeds.slice(0, half / 2) : deeds) deed();
  } catch (error) {
    return traceback((error as Error).message);
  }
  return json({ uptime: app.uptime() });
};

export const site: Agent = ({ container, changes }, _app, { template, rendered, env }) => {
  changes();
  const there = fileAt(container, template as string);
  if (!there) return traceback(`FileNotFoundError: ${template}`);
  if (!exists(container, env as string)) return traceback(`FileNotFoundError: ${env}`);
  write(container, rendered as string, there.data);
  const ok = !there.data.includes(INVALID);
  return json({ included: true, ok, said: ok ? '' : 'nginx: [emerg] unexpected end of file, expecting "}"\n' });
};

export const sweep: Agent = ({ container, changes }, app, args) => {
  const staging = args.staging as string;
  changes();
  const lies = ({ argv, cwd }: { argv: readonly string[]; cwd: string }) =>
    argv.some((word) => word.includes(staging)) || `${cwd}/`.startsWith(`${staging}/`);
  const ended = [...app.canaries.filter((g) => g.alive && lies(g)), ...app.others.filter(lies)].length;
  for (const canary of app.canaries.filter(lies)) canary.end();
  app.others = app.others.filter((o) => !lies(o));
  const stays = (file: string) =>
    (args.kept as string[]).includes(/^[^/]+\/([^/]+)/.exec(file.slice(staging.length + 1))?.[1] ?? '');
  for (const file of pathsBelow(container, staging)) if (!stays(file)) remove(container, file);
  const above = `${path.posix.dirname(staging)}/`;
  if (pathsBelow(container, above.slice(0, -1)).every((p) => p === above)) remove(container, above);
  app.seen();
  return json({ ended, removed: true });
};

/** Revisions are times: what is not newer than the newest is known. */
export const revisions: Agent = ({ container }, app, args) => {
  const release = behaviourAt(container, args.root as string, app.releases);
  if (!release || args.directory !== `${args.root}/migrations`)
    return traceback(`not a migration directory: ${args.directory}`);
  const revision = args.revision as string | null;
  return json({ heads: [release.head], known: revision !== null && revision <= release.head });
};

export const pack: Agent = ({ container }, _app, { paths }) => {
  const there = (paths as string[]).filter((file) => container.layer[file] !== undefined);
  return { stdout: packed('', Object.fromEntries(there.map((file) => [file, container.layer[file]]))) };
};

export const unpack: Agent = ({ container, changes }, _app, { tar, gone }) => {
  changes();
  const { files } = unpacked(Buffer.from(fileAt(container, tar as string)?.data ?? '')) ?? {};
  if (!files) return traceback('tarfile.ReadError: unexpected end of data');
  for (const file of gone as string[]) remove(container, file);
  Object.assign(container.layer, files);
  remove(container, tar as string);
  return json(null);
};
