// The addon and lib/losses.ts list the same losses, and every loss has its two functions.
import { describe, expect, it } from 'vitest';
import * as api from '../../../lib/index';
import { native } from '../../../lib/native/native';
import type { ParameterName } from '../../../lib/parameters';
import { randomBatch } from './helpers';

describe('the table of losses', () => {
  it('agrees with the addon in names, families, needs, parameters and use of the teacher', () => {
    const ours = Object.values(api.losses).map(({ name, family, needs, parameters, teacher }) => ({
      name,
      family,
      needs,
      parameters: [...parameters],
      teacher,
    }));
    expect(native.losses()).toEqual(ours);
  });

  it.each(Object.entries(api.losses))(
    '%s is under its own name, with a plain and an asynchronous function',
    (key, info) => {
      expect(info.name).toBe(key);
      expect(api).toHaveProperty(key, expect.any(Function));
      expect(api).toHaveProperty(`${key}Async`, expect.any(Function));
    },
  );

  it('the parameters that a loss lists are those that change its result', () => {
    const batch = randomBatch({ seed: 2, queries: 4, docs: 9 });
    const values: Record<ParameterName, number | boolean> = {
      ...{ gamma: 3, alpha: 0.5, detachWeights: true, lambda: 0.7, negativeWeight: 1, nllWeight: 0.3 },
      ...{ beta: 0.2, k: 2, mu: 3, steepness: 2 },
    };
    for (const { name, parameters } of Object.values(api.losses)) {
      const loss = api[name] as (batch: object, options?: object) => { grad: Float32Array };
      for (const [parameter, value] of Object.entries(values)) {
        if ((parameters as readonly string[]).includes(parameter)) {
          const given = loss(batch, { [parameter]: value }).grad;
          expect(given, `${name} ${parameter}`).not.toEqual(loss(batch).grad);
        } else {
          expect(() => loss(batch, { [parameter]: value })).toThrow(`takes no option ${parameter}`);
        }
      }
    }
  });
});
