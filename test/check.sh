#!/usr/bin/env bash
# The checks worth running after every edit; they take less than a minute once built: types, lint, import order, whether
# the mutations still match the code, the C++ golden cases, and the JavaScript suites of the call. .ci/run runs
# everything.
set -euo pipefail
cd "$(dirname "$0")/.."
npx tsc --noEmit
npx eslint --cache --cache-location build/eslint .
npx prettier --check --cache --cache-location build/prettier --log-level warn .
npm run --silent lint:imports
npm run --silent lint:mutants
bash test/clang-format.sh
npm run --silent prepare
if [ -d build/tests ]; then
  cmake --build build/tests --target ckl_tests --parallel "${CKL_JOBS:-2}" >build/check.log || { tail -40 build/check.log; exit 1; }
  build/tests/test/cpp/ckl_tests --test-case='losses:*,edges:*,bits:*,checks:*' | tail -n 3
else
  echo "C++ tests are not built yet: npm run test:cpp"
fi
npx vitest run test/js/loss/{golden,edges,errors,prepare,table} test/js/ranks/ranks test/js/metrics
