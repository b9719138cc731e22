/**
 * Which of the files that git doesn't track stand where a commit has something: the same path, a file where the commit has a
 * directory, or below a path that is a file in the commit. `git reset --hard` replaces all of these without a word, whole directories
 * and ignored files too.
 *
 * @param wanted the commit's paths.
 * @param untracked paths; one that ends in `/` is a repository of its own.
 */
export function collisions(wanted: Iterable<string>, untracked: readonly string[]): readonly string[] {
  const files = new Set(wanted);
  const directories = new Set<string>();
  for (const file of files) for (const above of ancestors(file)) directories.add(above);
  return untracked.filter((entry) => {
    const path = entry.replace(/\/$/, '');
    // A directory may stand where the commit has one; but what the commit has in a foreign repository would be written into it.
    return files.has(path) || directories.has(path) || ancestors(path).some((above) => files.has(above));
  });
}

/** `a/b/c` → `a`, `a/b`. */
export function ancestors(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}
