import type { Stack } from './stack.ts';

/** What production has in /app beside what git knows, and what must not be lost there. */
const BESIDE = ['.env', '.whalefall-release.json', 'app/handmade/x', 'gunicorn.conf.py', 'handmade.txt'];
const BESIDE_DIRECTORIES = ['app/handmade/'];

/** Mode and hash of each file, by path; directories end with a slash and have neither. As git would name them. */
export type Listing = Readonly<Record<string, string>>;

/** The files of a commit. */
export function filesOf(stack: Stack, commit: string): Listing {
  const tree = stack.git(['ls-tree', '-r', '-z', commit], stack.sandbox.origin).split('\0').filter(Boolean);
  const files = tree.map((line) => {
    const [, mode = '', sha = '', path = ''] = /^(\d+) blob (\w+)\t(.*)$/s.exec(line) ?? [];
    return [path, `${mode} ${sha}`] as const;
  });
  const directories = files.flatMap(([path]) => {
    const parts = path.split('/').slice(0, -1);
    return parts.map((_, i) => `${parts.slice(0, i + 1).join('/')}/`);
  });
  return sorted([...files, ...directories.map((d) => [d, ''] as const)]);
}

// Bytecode and what only the container has are left out: nobody released them.
const LIST = `
import hashlib, json, os
found = {}
for root, dirs, files in os.walk("/app"):
    dirs[:] = [d for d in dirs if d != "__pycache__" and os.path.join(root, d) not in ("/app/.venv", "/app/userdata")]
    for name in dirs[:] + files:
        path = os.path.join(root, name)
        short = os.path.relpath(path, "/app")
        if os.path.islink(path):
            mode, data = "120000", os.readlink(path).encode()
        elif os.path.isdir(path):
            found[short + "/"] = ""
            continue
        elif not os.path.isfile(path):
            mode, data = "neither file nor link", b""
        else:
            mode, data = "100755" if os.stat(path).st_mode & 0o100 else "100644", open(path, "rb").read()
        found[short] = mode + " " + hashlib.sha1(b"blob %d\\0" % len(data) + data).hexdigest()
print(json.dumps(found))
`;

/** The files in the container that a release brings: all but those beside it. */
export function filesInApp(stack: Stack): Listing {
  const all = Object.entries(JSON.parse(stack.inApp(['python3', '-'], LIST)) as Listing);
  const beside = [...BESIDE, ...BESIDE_DIRECTORIES];
  return sorted(all.filter(([path]) => !beside.includes(path)));
}

const KEPT: Readonly<Record<string, string>> = {
  '/app/handmade.txt': 'by hand\n',
  '/app/app/handmade/x': 'x\n',
  '/app/userdata/uploads/kept.txt': 'kept',
};
/** Whatever they have. */
const THERE = ['/app/.env', '/app/.venv/bin/gunicorn'];

/** What of {@link BESIDE} and the userdata is gone or was changed; empty when nothing is. */
export function lostBeside(stack: Stack): readonly string[] {
  const is = stack.filesInApp([...Object.keys(KEPT), ...THERE]);
  return [...Object.keys(KEPT).filter((file) => is[file] !== KEPT[file]), ...THERE.filter((file) => is[file] === null)];
}

/** Where else a release's files are used under another name. */
const COPIES = { 'nginx/gunicorn/gunicorn-prod.conf.py': '/app/gunicorn.conf.py' };

export function copies(stack: Stack, commit: string): readonly { file: string; is: string; shouldBe: string }[] {
  const inApp = stack.filesInApp(Object.values(COPIES));
  return Object.entries(COPIES).map(([source, file]) => ({
    file,
    is: inApp[file] ?? '',
    shouldBe: stack.git(['show', `${commit}:${source}`], stack.sandbox.origin),
  }));
}

const sorted = (entries: readonly (readonly [string, string])[]): Listing =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
