// Ranks on several hosts: network namespaces with a virtual cable between them, and Open MPI over TCP. Where they may not be made, it is skipped.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byRank, isInstalled, launchers, plainEnvironment, programs, run } from './launch';

const names = ['a', 'b'].map((host) => `ckl-${process.pid}-${host}`);
const addresses = ['10.213.77.1', '10.213.77.2'];
const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' });

/** Why there can be no hosts here; '' if there can. */
function obstacle(): string {
  if (!isInstalled(launchers[0])) return 'no mpirun.openmpi';
  const made = spawnSync('ip', ['netns', 'add', `${names[0]}-try`], { encoding: 'utf8' });
  if (made.error) return 'no command ip';
  if (made.status !== 0) return `no network namespaces: ${made.stderr.trim()}`;
  const cable = spawnSync(
    'ip',
    ['link', 'add', `v${process.pid}t`, 'type', 'veth', 'peer', 'name', `v${process.pid}u`],
    {
      encoding: 'utf8',
    },
  );
  ip('netns', 'del', `${names[0]}-try`);
  if (cable.status !== 0) return `no virtual cables: ${cable.stderr.trim()}`;
  ip('link', 'del', `v${process.pid}t`);
  return '';
}

const reason = obstacle();
if (reason !== '') process.stderr.write(`ranks on several hosts are not tested: ${reason}\n`);

describe.skipIf(reason !== '')('two hosts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ckl-hosts-'));
  const agent = join(folder, 'agent.sh');
  beforeAll(() => {
    names.forEach((name) => ip('netns', 'add', name));
    const [near, far] = ['0', '1'].map((end) => `v${process.pid}${end}`);
    ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far);
    [near, far].forEach((end, k) => {
      ip('link', 'set', end, 'netns', names[k]);
      ip('-n', names[k], 'addr', 'add', `${addresses[k]}/24`, 'dev', end);
      ip('-n', names[k], 'link', 'set', end, 'up');
      ip('-n', names[k], 'link', 'set', 'lo', 'up');
    });
    // In place of ssh: the daemon of the other host, in its namespace and with a hostname of its own.
    writeFileSync(
      agent,
      `#!/bin/sh\nshift\nexec ip netns exec ${names[1]} unshare -u sh -c 'hostname ckl-host-b; exec sh -c "$0"' "$*"\n`,
    );
    chmodSync(agent, 0o755);
  });
  afterAll(() => {
    names.forEach((name) => spawnSync('ip', ['netns', 'del', name]));
    rmSync(folder, { recursive: true });
  });

  it('exchange over TCP', async () => {
    const network = ['--mca', 'btl', 'tcp,self', '--mca', 'btl_tcp_if_include', '10.213.77.0/24'];
    const control = ['--mca', 'oob_tcp_if_include', '10.213.77.0/24', '--mca', 'plm_rsh_agent', agent];
    const hosts = ['--host', `${addresses[0]}:2,${addresses[1]}:2`, '-np', '4'];
    const { code, stdout, stderr } = await run(
      'ip',
      [
        ...[
          'netns',
          'exec',
          names[0],
          launchers[0].command,
          '--oversubscribe',
          ...network,
          ...control,
          ...hosts,
        ],
        ...[process.execPath, join(programs, 'exchange.mjs')],
      ],
      plainEnvironment({ OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' }),
    );
    expect(code, stderr).toBe(0);
    const ranks = byRank<{ rank: number; size: number; host: string; sums: number[] }>(stdout);
    expect(ranks.map(({ rank }) => rank)).toEqual([0, 1, 2, 3]);
    expect(new Set(ranks.map(({ host }) => host)).size).toBe(2);
    for (const { size, sums } of ranks) expect([size, sums[0]]).toEqual([4, 0.1 + 0.2 + 0.1 * 3 + 0.4]);
  });
});
