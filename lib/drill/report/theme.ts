import { Markup } from './markup.ts'

// Fills are Okabe and Ito's, which colour-blind people tell apart; each has its own colour for text.
const light = `--paper:#fff;--panel:#f6f7f9;--ink:#1b1f24;--soft:#5a6470;--line:#d5dae1;--grid:#e6e9ee;
--good:#0b6b3a;--good-paper:#e7f5ec;--bad:#b3140f;--bad-paper:#fdecea;--link:#0b57a4;--stall:#d55e00;--stall-ink:#9a4200;
--ack:#3d5a80;--grey:#6b6b6b;--on-grey:#fff`
const dark = `--paper:#14171b;--panel:#1d2127;--ink:#e6e9ed;--soft:#a3adb9;--line:#3a414b;--grid:#2a3038;
--good:#6fd69b;--good-paper:#14301f;--bad:#ff8d85;--bad-paper:#3b1715;--link:#86bdf5;--stall:#e69f00;--stall-ink:#f5bd4f;
--ack:#9bb8d9;--grey:#b4b4b4;--on-grey:#000`

const css = `
:root{color-scheme:light dark;${light}}
@media screen and (prefers-color-scheme:dark){:root{${dark}}}
*{box-sizing:border-box}
body{margin:0 auto;padding:24px 24px 64px;max-width:1240px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 4px}
h2{font-size:1.25rem;margin:44px 0 8px;padding-top:8px;border-top:1px solid var(--line)}
h3{font-size:1.05rem;margin:0 0 6px;overflow-wrap:anywhere}
p{margin:6px 0}
a{color:var(--link)}
.soft,.note,caption,header time{color:var(--soft)}
.note,caption{font-size:.85rem}
.ok{color:var(--good)}
.wrong{color:var(--bad);font-weight:700}
nav{display:flex;flex-wrap:wrap;gap:4px 18px;margin:16px 0 0;font-size:.9rem}
dl.facts{display:flex;flex-wrap:wrap;gap:6px 26px;margin:14px 0}
dl.facts dt{font-size:.78rem;color:var(--soft)}
dl.facts dd{margin:0;font-weight:600;overflow-wrap:anywhere}
.verdicts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:14px;margin:14px 0}
.verdict{padding:14px 18px;border-radius:8px;border-left:6px solid;print-color-adjust:exact;-webkit-print-color-adjust:exact}
.verdict p{color:var(--ink)}
.verdict.good{background:var(--good-paper);border-color:var(--good)}
.verdict.bad{background:var(--bad-paper);border-color:var(--bad)}
.verdict .recipe{font-size:1.1rem;margin:0}
.verdict.good .recipe span,.verdict.good .recipe b{color:var(--good)}
.verdict.bad .recipe span,.verdict.bad .recipe b{color:var(--bad)}
.verdict .sentence{font-size:1.1rem;font-weight:600}
.failures{columns:400px 2;column-gap:28px}
.failure{break-inside:avoid;margin:0 0 12px;padding:0 0 1px 14px;border-left:4px solid var(--bad)}
.failure h3{margin:0;font-size:1rem}
.complaints{margin:2px 0 6px;padding-left:22px;font-size:.92rem;overflow-wrap:anywhere}
.wide{overflow-x:auto}
.wide:focus-visible,a:focus-visible,summary:focus-visible{outline:2px solid var(--link);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:.78rem;font-variant-numeric:tabular-nums}
caption{max-width:88vw;text-align:left;padding:2px 0 6px}
th,td{padding:4px 5px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--grid)}
thead th{font-weight:600;vertical-align:bottom;color:var(--soft);white-space:normal}
thead th:first-child,th[scope=row],th[scope=rowgroup],td.word,th.word{text-align:left!important}
th[scope=row]{font-weight:500;position:sticky;left:0;background:var(--paper)}
th[scope=colgroup]{text-align:center}
tr.group th{padding-top:12px;font-size:.95rem;font-weight:700;border-bottom:1px solid var(--line)}
th.first,td.first{border-left:1px solid var(--line)}
tbody tr:hover>*{background:var(--panel)}
td.nil{color:var(--soft)}
td.ratio,td.max{font-weight:600}
svg{display:block}
.pair{display:inline-block;vertical-align:middle}
.key{display:inline-block;width:13px;height:13px;margin:0 2px 0 0;vertical-align:-2px;border:1px solid var(--line);
print-color-adjust:exact;-webkit-print-color-adjust:exact}
.key.median{width:3px;border:0;margin:0 4px}
p>.key.theirs{margin-left:12px}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:.9rem}
details{margin:6px 0 12px}
summary{cursor:pointer;font-size:.9rem;color:var(--link)}
.drill{margin:30px 0 0;scroll-margin-top:8px}
.up{font-size:.8rem;font-weight:400;margin-left:8px}
figure{margin:8px 0 18px;padding:8px 12px;background:var(--panel);border-radius:8px}
figure.bad{box-shadow:inset 4px 0 var(--bad)}
figcaption{font-size:.88rem;margin-bottom:4px}
.picture{width:100%;min-width:760px;height:auto;font-size:11px;font-variant-numeric:tabular-nums}
.picture text{fill:var(--ink)}
.picture text.soft,.picture tspan.soft,.picture text.tick{fill:var(--soft)}
.picture text.lane{text-anchor:end}
.picture text.tick,.picture text.figure{text-anchor:middle}
.picture text.name{font-weight:600}
.picture text.on{fill:#000;font-size:10px}
.grid{stroke:var(--line);stroke-width:.6;fill:none}
.axis{stroke:var(--soft);fill:none}
.picture text.mark,.picture text.fault,.picture text.stalled,.picture text.figure{paint-order:stroke;stroke:var(--halo);stroke-width:3px}
figure{--halo:var(--panel)}
path.mark{stroke:var(--soft);stroke-dasharray:3 3;fill:none}
path.fault{stroke:var(--bad);stroke-width:1.8;fill:none}
.picture text.fault{fill:var(--bad);font-weight:700}
rect.stall{fill:var(--stall);opacity:.17}
.picture text.stalled{fill:var(--stall-ink);font-weight:700}
.picture text.figure{font-size:10px}
.ack{fill:var(--ack)}
.gap{stroke:var(--stall-ink);fill:none}
path.median{stroke:var(--ink);stroke-width:2.5;fill:none}
.key.median{background:var(--ink)}
rect[class^=h]{stroke:var(--panel)}
.h1{fill:#56b4e9}.h2{fill:#e69f00}.h3{fill:#4fc3a1}.h4{fill:#cc79a7}
.ours{fill:#0072b2;background:#0072b2}.theirs{fill:#e69f00;background:#e69f00}
.p-1{fill:#0072b2;background:#0072b2}.p-2{fill:#e69f00;background:#e69f00}
.p-3{fill:var(--ink);background:var(--ink)}
.p-4{fill:#009e73;background:#009e73}.p-5{fill:#f0e442;background:#f0e442}
.p-6{fill:#56b4e9;background:#56b4e9}.p-7{fill:#d55e00;background:#d55e00}
.p-8{fill:#cc79a7;background:#cc79a7}.p-9{fill:var(--grey);background:var(--grey)}
rect[class^=p-]{stroke:var(--paper);stroke-width:.8}
.picture text[class^=on-p]{fill:#000}
.picture text.on-p-1{fill:#fff}
.picture text.on-p-3{fill:var(--paper)}
.picture text.on-p-9{fill:var(--on-grey)}
@media (max-width:640px){body{padding:16px 12px 48px}h1{font-size:1.35rem}figure{padding:8px}}
@media print{
@page{size:A4 landscape;margin:11mm}
html{font-size:12px}
body{padding:0;max-width:none;font-size:12px}
#summary{break-before:page}
nav,.up{display:none}
table{font-size:10px}th,td{padding:1px 4px}caption{max-width:none}h2{margin-top:20px}
.wide{overflow:visible}.picture{min-width:0}figure .picture{width:80%}#phases .picture{max-height:150mm}
figure,.verdict,tr,svg{break-inside:avoid}
figure{margin:0 0 8px;padding:4px 10px}.drill{margin:10px 0 0}
h2,h3,figcaption,.legend{break-after:avoid}
details::details-content{content-visibility:visible;display:block;block-size:auto}
}
`

/** How many colours there are for phases: `p-1` to `p-9`. */
export const colours = 9

/** All there is of style: in the page itself, for it has to be readable without a network. */
export const style = new Markup(`<style>${css}</style>`)
