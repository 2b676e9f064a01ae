#!/usr/bin/env bash
# ptxas 12.4.131 (Debian's nvidia-cuda-toolkit 12.4.131~12.4.1-2; 13.0.88 does the same) computes %clusterid.x on sm_90 in float: it converts the
# block's index, multiplies by a constant of the launch and cuts off the fraction. A float has 24 bits, and cannot tell block 2^24 + 1 from block
# 2^24; a grid may have 2^31 - 1. Seen in machine code, not on a GPU.
# A good guess fails because PTX describes %clusterid as a predefined, read-only register of 32 bits, next to %ctaid, which is one: kernels that
# take a row per cluster look safe up to 2^31 rows. The division of %ctaid by the cluster's size, which the register saves, is exact.
# Needs no GPU: it reads the machine code. On Debian, with apt; the package (non-free) is unpacked in the temporary folder, not installed.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
mkdir -p lists/partial
cat >toolkit.sources <<'APT'
Types: deb
URIs: http://deb.debian.org/debian
Suites: trixie
Components: non-free
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
APT
apt=(-o Dir::Etc::sourceparts=/dev/null -o "Dir::Etc::sourcelist=$here/toolkit.sources" -o "Dir::State::lists=$here/lists" -o APT::Sandbox::User=root)
apt-get "${apt[@]}" update >/dev/null
apt-get "${apt[@]}" download 'nvidia-cuda-toolkit=12.4.131~12.4.1-2' >/dev/null
dpkg -x ./*.deb unpacked
cat >cluster.ptx <<'PTX'
.version 8.4
.target sm_90
.address_size 64
.visible .entry index_of_cluster(.param .u64 out) {
  .reg .u32 %r;
  .reg .u64 %to;
  ld.param.u64 %to, [out];
  cvta.to.global.u64 %to, %to;
  mov.u32 %r, %clusterid.x;
  st.global.u32 [%to], %r;
  ret;
}
PTX
unpacked/usr/bin/ptxas -arch=sm_90 -o cluster.cubin cluster.ptx
unpacked/usr/bin/nvdisasm cluster.cubin | grep -oE 'S2UR [^;]*CTAID.X|I2FP[^;]*|FMUL[^;]*|F2I[^;]*' | tee code.txt
for step in 'I2FP.F32.U32' 'FMUL' 'F2I.U32.TRUNC'; do
  grep -q "^$step" code.txt || { echo "no $step: the index is computed otherwise now"; exit 1; }
done
