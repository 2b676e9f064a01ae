// One piece of work of bench/scale.mjs in a process of its own: prints what it cost as JSON.
import { createRequire } from 'node:module';

const [dist, module, size, name, made] = process.argv.slice(2);
const { cases } = await import(module);
const { work } = cases(size).find((one) => one.name === name);
const require = createRequire(import.meta.url);
const begun = performance.now();
const more = await work((path) => require(`${dist}/${path}`), JSON.parse(made));
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
console.log(
  JSON.stringify({
    cpu: (userCPUTime + systemCPUTime) / 1e6,
    memory: maxRSS / 1e3,
    wall: (performance.now() - begun) / 1e3,
    more,
  }),
);
