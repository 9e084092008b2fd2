/** The style of the report's page. */
export const style = `
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b1f26;--soft:#59606c;--line:#d9dde4;--first:#1f5fbf;--second:#b3541e;--good:#1c7a46;--bad:#b3261e;--warn:#7a5200;--warn-page:#fff3d6}
@media (prefers-color-scheme:dark){:root{--page:#14171c;--card:#1d2127;--ink:#e8eaee;--soft:#a4abb6;--line:#363c46;--first:#7db2ff;--second:#f0a06c;--good:#4fae78;--bad:#ff8a80;--warn:#ffd68a;--warn-page:#3a2f14}}
*{box-sizing:border-box}
body{max-width:68rem;margin:0 auto;padding:1.5rem 1rem;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
h1{margin:0 0 1rem;font-size:1.7rem;overflow-wrap:anywhere}
h2{margin:0 0 .6rem;font-size:1.2rem}
section{margin:1rem 0;padding:1rem 1.25rem;border:1px solid var(--line);border-radius:.75rem;background:var(--card)}
.warning{padding:.5rem .75rem;border-radius:.4rem;background:var(--warn-page);color:var(--warn);font-weight:600}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,14rem),1fr));gap:.5rem 1.25rem;margin:0}
dt{color:var(--soft);font-size:.85rem}
dd{margin:0;overflow-wrap:anywhere}
.result{grid-template-columns:repeat(auto-fill,minmax(min(100%,8rem),1fr))}
.result dd{font-size:1.5rem;font-weight:600}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1rem}
figure{margin:0}
figcaption{font-weight:600}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--soft);font-size:12px}
.grid{stroke:var(--line);fill:none}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.line0{stroke:var(--first)}
.line1{stroke:var(--second);stroke-dasharray:6 4}
.dot0{fill:var(--first)}
.dot1{fill:var(--second)}
.key{margin-left:.75rem;font-weight:400;font-size:.9rem}
.key::before{content:'';display:inline-block;width:1.2rem;margin-right:.35rem;vertical-align:middle;border-top:3px solid var(--first)}
.key1::before{border-top:3px dashed var(--second)}
.scroll{max-width:100%;overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
caption{padding:.4rem 0;text-align:left;color:var(--soft)}
th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:left}
.confusion th,.confusion td{min-width:2.2rem;border:1px solid var(--line);text-align:center}
.right.tint1{background:color-mix(in srgb,var(--good) 6%,transparent)}.right.tint2{background:color-mix(in srgb,var(--good) 11%,transparent)}.right.tint3{background:color-mix(in srgb,var(--good) 16%,transparent)}.right.tint4{background:color-mix(in srgb,var(--good) 22%,transparent)}.right.tint5{background:color-mix(in srgb,var(--good) 28%,transparent)}.right.tint6{background:color-mix(in srgb,var(--good) 33%,transparent)}.right.tint7{background:color-mix(in srgb,var(--good) 38%,transparent)}.right.tint8{background:color-mix(in srgb,var(--good) 44%,transparent)}.right.tint9{background:color-mix(in srgb,var(--good) 50%,transparent)}.right.tint10{background:color-mix(in srgb,var(--good) 55%,transparent)}
.wrong.tint1{background:color-mix(in srgb,var(--bad) 6%,transparent)}.wrong.tint2{background:color-mix(in srgb,var(--bad) 12%,transparent)}.wrong.tint3{background:color-mix(in srgb,var(--bad) 18%,transparent)}.wrong.tint4{background:color-mix(in srgb,var(--bad) 24%,transparent)}.wrong.tint5{background:color-mix(in srgb,var(--bad) 30%,transparent)}.wrong.tint6{background:color-mix(in srgb,var(--bad) 36%,transparent)}.wrong.tint7{background:color-mix(in srgb,var(--bad) 42%,transparent)}.wrong.tint8{background:color-mix(in srgb,var(--bad) 48%,transparent)}.wrong.tint9{background:color-mix(in srgb,var(--bad) 54%,transparent)}.wrong.tint10{background:color-mix(in srgb,var(--bad) 60%,transparent)}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(8rem,1fr));gap:.9rem}
.filters{grid-template-columns:repeat(auto-fill,3.5rem)}
.pictures figcaption{font-weight:400;font-size:.8rem;line-height:1.35}
img{display:block;width:5.6rem;height:5.6rem;border-radius:.3rem;image-rendering:pixelated;background:#000}
.filter{width:3.5rem;height:3.5rem}
@media (max-width:40rem){svg text{font-size:20px}}
summary{padding:.5rem 0;cursor:pointer}
`
