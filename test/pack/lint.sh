#!/usr/bin/env bash
# Runs publint and are-the-types-wrong on the tarball, type-checks a consumer under every module resolution, and bundles
# a program with esbuild that keeps the package external.
# Usage: lint.sh TARBALL
set -euo pipefail
tarball=$(realpath "$1")
cd "$(dirname "$0")/../.."
bin=$PWD/node_modules/.bin
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT

"$bin/publint" run "$tarball" --strict
# The sub-paths are CommonJS only, which import can load under every resolution, though not as a default import;
# TypeScript's node10 finds them through typesVersions.
"$bin/attw" "$tarball" --profile strict --format ascii >"$here/attw.log" || { cat "$here/attw.log" >&2; exit 1; }

cd "$here"
echo '{"name":"user","private":true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts "$tarball"
ln -s "$bin/../@types" node_modules/@types
cat >use.ts <<'TS'
import { ckl, prepare, CklRangeError, RankTracker, type LossResult } from 'ckl-loss';
import { evaluate } from 'ckl-loss/metrics';
import { readTeacher } from 'ckl-loss/data';
import { DeviceTensor, prepare as prepareOnGpu } from 'ckl-loss/cuda';
import { load } from 'ckl-loss/students';

const batch = { student: new Float32Array(4), teacher: new Float32Array(4), labels: new Uint8Array(4), shape: [2, 2] as const };
const result = ckl(batch, { gamma: 5 });
export const loss: number = result.loss;
export const grad: Float32Array = result.grad;
export const each: Float32Array = ckl(batch, { reduction: 'none' }).loss;
export const kept: LossResult<'mean'> = prepare('ckl', { shape: [2, 2] }).run(batch);
// @ts-expect-error kl has no gamma
prepare('kl', { shape: [2, 2], gamma: 5 });
// @ts-expect-error labels are bytes
ckl({ ...batch, labels: new Float32Array(4) });
export const onGpu = () => prepareOnGpu('ckl', { gamma: 5, shape: [2, 2] }).run({ student: DeviceTensor.allocate(4), labels: DeviceTensor.allocate(4, 'uint8') });
// @ts-expect-error kl has no gamma
export const wrong = () => prepareOnGpu('kl', { shape: [2, 2], gamma: 5 });
export const all = [CklRangeError, RankTracker, evaluate, readTeacher, load];
TS
cp use.ts use.mts
for settings in "CommonJS Node10" "Node16 Node16" "NodeNext NodeNext" "ESNext Bundler"; do
  read -r module resolution <<<"$settings"
  "$bin/tsc" --noEmit --strict --target ES2022 --types node --module "$module" --moduleResolution "$resolution" use.ts use.mts
done

echo "import { kl } from 'ckl-loss'; console.log(kl({ student: Float32Array.of(1, 2), teacher: Float32Array.of(1, 2), labels: Uint8Array.of(1, 0), shape: [1, 2] }).counted);" >app.ts
"$bin/esbuild" app.ts --bundle --platform=node --external:ckl-loss --log-level=warning --outfile=app.js
[ "$(node app.js)" = 1 ] || { echo "the bundle does not run" >&2; exit 1; }
echo "publint, attw, types under four module resolutions, and a bundle with the addon external: clean"
