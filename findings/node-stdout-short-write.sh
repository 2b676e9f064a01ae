#!/usr/bin/env bash
# Node.js (seen with v20.20.2) loses output in silence where standard output is a file that cannot take all of it. process.stdout of a file makes one write(2) per chunk and
# ignores how much of it was written; a write that reaches the end of a disk, a quota or a file size limit (used here, as it needs no rights) takes
# a part and is no error. The callback reports success, the exit code is 0 and the rest is gone, where `head -c` and `cat` report an error.
# A good guess fails because fs.writeFile and file streams of the same process do repeat short writes, and because the next chunk, if there is one,
# would fail: a program that prints its results as one text never finds out. A way out is a loop over fs.writeSync(1, …).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
node --version
print="process.stdout.write('x'.repeat(100000) + '\n', (error) => process.stderr.write('callback: ' + (error ? error.code : 'no error') + '\n'))"
status=0
( trap '' XFSZ; ulimit -f 64; node -e "$print" >out 2>report ) || status=$?
bytes=$(wc -c <out)
echo "written $bytes of 100001 bytes; exit code $status; $(cat report)"
[ "$bytes" -lt 100001 ] && [ "$status" = 0 ] && [ "$(cat report)" = 'callback: no error' ] || { echo 'this has changed' >&2; exit 1; }
