// The style of the report: two colour schemes, and rows as blocks where the page is narrow.
import { colourVariables } from './series.js';

/** Text and backgrounds of the two schemes. */
export const SCHEMES = {
  light: { background: '#ffffff', text: '#1b1f23', soft: '#57606a', rule: '#d0d7de', band: '#f3f5f7' },
  dark: { background: '#14171a', text: '#e6e8ea', soft: '#a3abb3', rule: '#3a4047', band: '#1d2125' },
} as const;

const variables = (mode: keyof typeof SCHEMES): string =>
  Object.entries(SCHEMES[mode])
    .map(([name, value]) => `--${name}:${value};`)
    .join('') + colourVariables(mode);

export const STYLE = `
:root{color-scheme:light dark;${variables('light')}}
@media (prefers-color-scheme:dark){:root{${variables('dark')}}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:62rem;padding:1rem;background:var(--background);color:var(--text);
font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:break-word}
h1{font-size:1.7rem;line-height:1.2;margin:.5rem 0}
h2{font-size:1.25rem;line-height:1.3;margin:2.2rem 0 .4rem;padding-top:.5rem;border-top:1px solid var(--rule)}
h3{font-size:1.05rem;margin:1.4rem 0 .3rem}
p,li{max-width:46rem}
.soft,caption,figcaption{color:var(--soft)}
ul{padding-left:1.2rem}
table{border-collapse:collapse;width:100%;margin:.8rem 0 1.4rem;font-variant-numeric:tabular-nums}
caption{text-align:left;padding-bottom:.4rem}
th,td{padding:.28rem .5rem;border-bottom:1px solid var(--rule);text-align:right;vertical-align:bottom}
th:first-child{text-align:left}
thead th{font-weight:600;font-size:.9rem}
tbody th{font-weight:400}
tbody tr:nth-child(even){background:var(--band)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(20rem,100%),1fr));gap:1rem 1.5rem;margin:.8rem 0}
figure{margin:0;min-width:0}
figure svg{display:block;width:100%;height:auto;max-width:26rem;overflow:visible}
figure h4{font-size:.95rem;margin:0 0 .2rem}
figcaption{font-size:.9rem}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;padding:0;margin:.4rem 0}
.legend svg{width:2rem;height:.7rem;margin-right:.4rem;vertical-align:middle}
code{font-size:.92em}
@media (max-width:44rem){
table,tbody,tr,th,td,caption{display:block;width:100%}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tbody tr{padding:.5rem .6rem;border-bottom:1px solid var(--rule)}
tbody th{font-weight:600;border:0;padding:0}
td{display:flex;justify-content:space-between;gap:1rem;border:0;padding:.05rem 0}
td::before{content:attr(data-label);color:var(--soft);text-align:left}
}
@media print{:root{${variables('light')}}}
`;
