# The checks of CI as a graph: each target is one check, what stands after its colon must have passed before it starts.
# make runs two at a time (.ci/run). `make -f .ci/checks.mk NAME` runs one with what it needs.
step = @.ci/step $@

.PHONY: all nightly install lint start tests slow million emulator gpu budget reference package addresses emulated addon threads clang neon bits mutants

# In the order in which they should start: what others wait for, then the longest first. neon takes the processor that install leaves.
all: tests neon addresses package emulator emulated clang threads addon budget slow gpu mutants lint start reference bits

# What takes long and seldom finds more; .ci/run also runs the suites that it shortens otherwise as they are.
nightly: all million

# Compiles the addon and dist/.
install:
	$(step) npm ci --no-audit --no-fund

lint: install
	$(step) npm run lint

# The README's first command.
start: install
	$(step) npm start

# The README's second command: the C++ suites, then the JavaScript suites.
tests: install
	$(step) npm test

# Twenty mutations of lib/, each of which its suite must notice.
mutants: install
	$(step) npm run test:mutants -- --sample

# Tests that compile C++.
slow: install
	$(step) npm run test:slow -- --exclude '**/million.slow.test.ts'
# A corpus of a million documents.
million: install
	$(step) npm run test:slow -- --exclude '**/docs/**'

# The CUDA backend, its kernels run on the host; what nvcc shows of them, where there is one.
emulator: install
	$(step) npm run test:emulator
# The tests that want a GPU, small and emulated: that they work, and that what all.sh plans for a GPU fits into its minutes. They share
# the builds of emulator and tests.
gpu: emulator tests
	$(step) npm run test:gpu -- --emulated
	$(step) bash test/gpu/all.sh --dry
budget: install
	$(step) npm run test:cuda-budget

# The suites under AddressSanitizer and UndefinedBehaviorSanitizer, in C++ and from JavaScript; threads under ThreadSanitizer.
addresses: install
	$(step) bash test/sanitize.sh addresses
emulated: addresses
	$(step) bash test/sanitize.sh emulator
addon: emulated
	$(step) bash test/sanitize.sh addon
threads: install
	$(step) bash test/sanitize.sh threads

# The suites from another compiler, and on another architecture, which shares no compiled file with the rest: it starts beside install.
clang: install
	$(step) bash .ci/bits clang
neon:
	$(step) bash .ci/bits neon
# All of them give the same bits.
bits: tests clang neon
	$(step) bash .ci/bits compare

# The API reference; a warning is an error.
reference: install
	$(step) npm run docs

# The package as users get it. It shares compiled files with install; in a clean clone dist/ is that of its sources. The arm64 binary has equal
# bits (neon), so some of the suites of its API do.
package: install
	$(step) env CKL_DIST=same bash test/pack/run.sh
