// The style of the report: two colour schemes, contents next to the text on wide screens, and print.
import { colourVariables } from './series.js';

/** Text and backgrounds of the two schemes. */
export const SCHEMES = {
  light: {
    background: '#ffffff',
    text: '#1b1f23',
    soft: '#57606a',
    rule: '#d8dee4',
    band: '#f6f8fa',
    accent: '#0b5cad',
  },
  dark: {
    background: '#14171a',
    text: '#e6e8ea',
    soft: '#a3abb3',
    rule: '#343a41',
    band: '#1c2024',
    accent: '#74b6f5',
  },
} as const;

/** Steps of the heat map on each side of CKL, weakest first. */
const HEAT: Record<'light' | 'dark', Record<'below' | 'above', readonly string[]>> = {
  light: {
    below: ['#fdf1e5', '#fbdfc4', '#f7c89b', '#f2ae6f'],
    above: ['#e9f2fc', '#cfe3f8', '#aecff2', '#88b8ea'],
  },
  dark: {
    below: ['#2b2118', '#462f19', '#643f18', '#835016'],
    above: ['#17242f', '#1a3550', '#1d4773', '#205a97'],
  },
};
export const HEAT_STEPS = HEAT.light.below.length;

/** All backgrounds of the heat map in one scheme. */
export const heatColours = (mode: keyof typeof HEAT): string[] => Object.values(HEAT[mode]).flat();

const variables = (mode: keyof typeof SCHEMES): string =>
  [
    ...Object.entries(SCHEMES[mode]).map(([name, value]) => `--${name}:${value};`),
    ...Object.entries(HEAT[mode]).flatMap(([side, colours]) =>
      colours.map((colour, i) => `--${side}-${i + 1}:${colour};`),
    ),
    colourVariables(mode),
  ].join('');

const heatClasses = ['below', 'above']
  .flatMap((side) =>
    Array.from(
      { length: HEAT_STEPS },
      (_, i) => `.heat-${side}-${i + 1}{background:var(--${side}-${i + 1})}`,
    ),
  )
  .join('\n');

export const STYLE = `
:root{color-scheme:light dark;${variables('light')}}
@media (prefers-color-scheme:dark){:root{${variables('dark')}}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:62rem;padding:1.5rem 1rem 4rem;background:var(--background);color:var(--text);
font:1rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:break-word}
main,header,nav{min-width:0}
h1{font-size:1.85rem;line-height:1.2;letter-spacing:-.015em;margin:0 0 .6rem;text-wrap:balance}
h2{font-size:1.3rem;line-height:1.3;letter-spacing:-.01em;margin:0 0 .8rem;text-wrap:balance}
h3{font-size:1rem;margin:0 0 .3rem}
section{margin-top:2.6rem;padding-top:1.6rem;border-top:1px solid var(--rule);scroll-margin-top:.5rem}
main section:first-child{margin-top:1rem}
p{margin:.5rem 0}
p,li,dd{max-width:44rem}
li{margin:.25rem 0}
ul{padding-left:1.2rem;margin:.5rem 0}
a{color:var(--accent);text-underline-offset:.15em}
code{font-size:.92em}
.soft,.note,figcaption,dt{color:var(--soft)}
header .soft{margin:.25rem 0}
nav{margin-top:1.6rem;padding:.8rem 1rem;background:var(--band);border-radius:.4rem;font-size:.92rem}
nav ol{list-style:none;margin:0;padding:0;columns:2 9rem;column-gap:1.5rem}
nav li{margin:0;padding:.18rem 0;line-height:1.35;break-inside:avoid}
nav a{text-decoration:none}
nav a:hover{text-decoration:underline}
dl{margin:1rem 0;display:grid;gap:.15rem}
dl div{display:grid;grid-template-columns:8rem minmax(0,1fr);gap:0 1rem}
dd{margin:0;overflow-wrap:anywhere}
.summary{list-style:none;padding:0}
.summary li{margin:.55rem 0;max-width:48rem}
.table{margin:1.2rem 0 2rem}
.scroll{overflow-x:auto}
.scroll:focus-visible,summary:focus-visible,a:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
table{border-collapse:separate;border-spacing:0;min-width:100%;font-variant-numeric:tabular-nums;line-height:1.4}
caption{text-align:left;padding-bottom:.6rem;font-size:.95rem}
caption span,tr.heading span{position:sticky;left:0;display:inline-block;max-width:min(44rem,calc(100vw - 2rem))}
th,td{padding:.34rem .55rem;border-bottom:1px solid var(--rule);text-align:right;vertical-align:baseline}
thead tr:first-child>th:first-child,tbody th{text-align:left;position:sticky;left:0;background:var(--background);padding-left:0}
thead th{font-weight:600;font-size:.86rem;vertical-align:bottom;line-height:1.25}
thead th[scope=colgroup]{text-align:center;color:var(--soft);font-weight:400;padding-bottom:.15rem}
tbody th{font-weight:400;white-space:nowrap}
td{white-space:nowrap}
tbody tr:hover>*{background:var(--band)}
tbody tr.heading>*{background:var(--background);padding-top:1.1rem;color:var(--soft);font-size:.92rem;white-space:normal}
strong{font-weight:650}
.mark{display:inline-block;width:.75em;text-align:left}
table.marked thead th:not(:first-child):not([scope=colgroup]),table.marked thead tr+tr th{padding-right:calc(.55rem + .75em)}
.note{font-size:.9rem;margin:.5rem 0 0}
.heat tbody tr:not(.heading)>*{border-bottom-color:transparent}
.heat tbody td{border-left:2px solid var(--background);border-bottom:2px solid var(--background);background-clip:padding-box}
.heat .table{margin-bottom:.6rem}
${heatClasses}
.scale{display:flex;flex-wrap:wrap;align-items:center;gap:.15rem;color:var(--soft);font-size:.86rem;margin:0 0 1.5rem}
.scale i{width:1.3rem;height:.8rem;border:1px solid var(--rule)}
.scale span:first-child{margin-right:.4rem}
.scale span:last-child{margin-left:.4rem}
.charts{display:grid;grid-template-columns:minmax(0,1fr);gap:1.8rem 2rem;margin:1.2rem 0}
@media (max-width:46rem){table{font-size:.94rem}th,td{padding:.3rem .4rem}}
@media (min-width:46rem){.charts.of-2{grid-template-columns:repeat(2,minmax(0,1fr))}}
@media (min-width:60rem){.charts.of-3{grid-template-columns:repeat(3,minmax(0,1fr))}}
figure{margin:0;min-width:0;break-inside:avoid}
figure svg{display:block;width:100%;height:auto;overflow:visible}
.charts.of-1 figure{max-width:36rem}
figcaption{font-size:.88rem;line-height:1.45;margin-top:.3rem}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;list-style:none;padding:0;margin:.6rem 0}
.legend svg{width:.8rem;height:.8rem;margin-right:.4rem;vertical-align:-.05em}
details{border-bottom:1px solid var(--rule)}
summary{cursor:pointer;padding:.5rem 0}
summary:hover{color:var(--accent)}
details[open]>summary{font-weight:600}
@media (min-width:78rem){
body{max-width:76rem;padding:2.5rem 1.5rem 5rem;display:grid;grid-template-columns:minmax(0,1fr) 12rem;gap:0 3rem}
header,main{grid-column:1}
nav{grid-column:2;grid-row:1/3;position:sticky;top:2.5rem;align-self:start;margin:0;padding:0 0 0 1rem;background:none;
border-left:1px solid var(--rule);border-radius:0}
nav ol{columns:auto}
}
@media print{
:root{${variables('light')}}
@page{margin:16mm 14mm}
html{font-size:9.5pt}
body{display:block;max-width:none;padding:0}
nav{display:none}
section{break-before:auto}
h2,h3,caption,summary{break-after:avoid}
li,.table{break-inside:avoid}
.scroll{overflow:visible}
th,td{padding:.2rem .4rem}
.charts.of-2{grid-template-columns:repeat(2,minmax(0,1fr))}
.charts.of-3{grid-template-columns:repeat(3,minmax(0,1fr))}
details::details-content{display:block;content-visibility:visible;height:auto}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
`;
