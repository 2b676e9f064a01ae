// The client of peers.py: runs it as a Python process and sends it one request at a time.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ckl, kl } from '../../dist/index.mjs';
import { optionsOf } from './cases.mjs';

export class Peers {
  /** @returns null without a Python that has PyTorch */
  static async start(device) {
    const peers = new Peers(device);
    const hello = await peers.ask({ ask: 'hello' });
    if (hello.error) return null;
    return Object.assign(peers, { hello });
  }

  constructor(device) {
    const script = fileURLToPath(new URL('peers.py', import.meta.url));
    this.child = spawn(process.env.PYTHON || 'python3', [script, ...(device ? ['--device', device] : [])], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stdin.on('error', () => {}); // it has ended; the answer says so
    this.words = '';
    this.child.stderr.on('data', (text) => (this.words += text));
    this.ended = new Promise((resolve) => {
      this.child.on('error', (error) => resolve({ error: error.message }));
      this.child.on('close', () => resolve({ error: `the peers' process ended: ${this.words.slice(-500)}` }));
    });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** The answer to a job; `{ error }` if there is none. */
  async ask(job) {
    this.child.stdin.write(`${JSON.stringify(job)}\n`);
    const answer = this.lines.next().then(({ value, done }) => (done ? this.ended : JSON.parse(value)));
    return Promise.race([answer, this.ended]);
  }

  /** What was said on the way, such as ways that did not work. */
  takeWords() {
    const { words } = this;
    this.words = '';
    return words;
  }

  end() {
    this.child.stdin.end();
  }
}

/** Whether the peers compute what we do, those of `onceOnly` for the first variant alone: our CPU backend against each of them, on a small batch. Throws where they do not. */
export async function verify(peers, names, variants, onceOnly) {
  const shape = [8, 40];
  const n = shape[0] * shape[1];
  const student = Float32Array.from({ length: n }, (_, i) => Math.fround(3 * Math.sin(i * i + 1)));
  const teacher = Float32Array.from({ length: n }, (_, i) => Math.fround(2 * Math.cos(3 * i + i * i)));
  const labels = Uint8Array.from({ length: n }, (_, i) => Number((i * 7) % 40 < 3));
  const ranks = Uint16Array.from({ length: n }, (_, i) => 1 + ((i * 11) % 40));
  const checked = [];
  for (const [k, variant] of variants.entries()) {
    const asked = k === 0 ? names : names.filter((name) => !onceOnly?.includes(name));
    const given = variant.ranks === 'given';
    const batch = { student, teacher, labels, shape, ...(given ? { ranks } : {}) };
    const ours = (variant.loss === 'kl' ? kl : ckl)(batch, { ...optionsOf(variant), backend: 'cpu' });
    const lists = {
      student: [...student],
      teacher: [...teacher],
      labels: [...labels],
      ranks: given ? [...ranks] : null,
    };
    const answer = await peers.ask({ ...variant, ask: 'verify', shape, peers: asked, ...lists });
    if (answer.error) throw new Error(`the peers fail at ${variant.name}: ${answer.error}`);
    for (const [name, { loss, grad }] of Object.entries(answer)) {
      const size = Math.hypot(...ours.grad);
      const error = Math.hypot(...ours.grad.map((g, i) => g - grad[i])) / size;
      if (!(error < 1e-4) || !(Math.abs(loss - ours.loss) < 1e-5 * (1 + Math.abs(ours.loss))))
        throw new Error(
          `${name} computes another ${variant.name}: loss ${loss} and ours ${ours.loss}, gradient off by ${error}`,
        );
      checked.push(`${name}: ${variant.name}`);
    }
  }
  return checked;
}
