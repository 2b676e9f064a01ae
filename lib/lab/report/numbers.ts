// Numbers as the report writes them: three decimals, a real minus sign.

/** A measure. */
export const measureText = (value: number): string => value.toFixed(3);

/** A difference of measures, with its sign; 0.000 where there is none to see. */
export function differenceText(difference: number): string {
  const digits = Math.abs(difference).toFixed(3);
  if (Number(digits) === 0) return digits;
  return `${difference < 0 ? '−' : '+'}${digits}`;
}

/** A p value by itself. */
export const pNumber = (p: number): string =>
  p < 0.0001 ? '< 0.0001' : p.toFixed(p < 0.001 ? 4 : p < 0.1 ? 3 : 2);

/** "p = 0.03". */
export const pText = (p: number): string => (p < 0.0001 ? `p ${pNumber(p)}` : `p = ${pNumber(p)}`);

/** A learning rate: 0.0009, 2·10⁻⁷ as 2e−7. */
export const rateText = (rate: number): string => String(Number(rate.toPrecision(3))).replace('-', '−');
