# The checks of CI as a graph: each target is one check, and its prerequisites must pass before it starts. .ci/run has
# make run two at a time. `make -f .ci/checks.mk NAME` runs one check with its prerequisites.
step = @.ci/step $@

.PHONY: all nightly install extras lint start tests slow million emulator gpu budget reference package addresses emulated addon threads clang neon bits mutants

# In the order in which they should start: checks that others wait for, then the longest first. neon uses the processor
# that install leaves free.
all: tests neon addresses package emulator emulated clang threads addon budget slow gpu mutants lint start reference bits

# Checks that take long and rarely find anything new. With these, .ci/run also runs in full the suites that it otherwise
# shortens.
nightly: all million

# Compiles the addon and dist/.
install:
	$(step) npm ci --no-audit --no-fund

# Compilers and programs that only some checks need; they are downloaded while the addon compiles.
extras:
	$(step) bash .ci/tools extras

lint: install extras
	$(step) npm run lint

# The README's first command.
start: install
	$(step) npm start

# The README's second command: the C++ suites, then the JavaScript suites.
tests: install extras
	$(step) npm test

# Twenty mutations of lib/, each of which must be detected by its suite.
mutants: install
	$(step) npm run test:mutants -- --sample

# Tests that compile C++.
slow: install
	$(step) env CKL_WITHOUT='**/million.slow.test.ts' npm run test:slow
# A corpus of a million documents.
million: install
	$(step) env CKL_WITHOUT='**/docs/**' npm run test:slow

# The CUDA backend with its kernels run on the host; and, if nvcc is installed, the checks of their machine code.
emulator: install
	$(step) npm run test:emulator
# The tests for a GPU, emulated and with small sizes: checks that they work, and that the plan of all.sh fits its time
# limit. They share the builds of emulator and tests.
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

# The suites from another compiler, and on another architecture. The latter shares no compiled file with the rest, so it
# starts along with install.
clang: install extras
	$(step) bash .ci/bits clang
neon: extras
	$(step) bash .ci/bits neon
# All of them give the same bits.
bits: tests clang neon
	$(step) bash .ci/bits compare

# The API reference; a warning is an error.
reference: install
	$(step) npm run docs

# The package as users get it. It shares compiled files with install, and in a clean clone dist/ matches the sources.
# The check neon proves that the arm64 binary has equal bits, so here some suites of its API suffice.
package: install extras
	$(step) env CKL_DIST=same bash test/pack/run.sh
