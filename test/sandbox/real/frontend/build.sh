#!/bin/sh
# Stands for a bundler: its output is neither in git nor on the host.
set -eu
cd frontend
rm -rf dist
mkdir -p dist/assets
cat src/components/*.js > bundle.js
hash="$(sha256sum bundle.js | cut -c1-8)"
mv bundle.js "dist/assets/app.$hash.js"
sed -e "s/@BUNDLE@/app.$hash.js/" -e "s/@VERSION@/$(cat src/version.txt)/" src/index.html > dist/index.html
