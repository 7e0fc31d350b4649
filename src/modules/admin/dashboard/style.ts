/** How the dashboard looks: light and dark, from a phone's width up. @module */

/** Text of the style sheet. */
export const STYLE = String.raw`
:root {
  color-scheme: light dark;
  --back: #f5f6f8; --card: #ffffff; --line: #d5d9e0; --text: #16191f; --soft: #545c6b;
  --strong: #0b5cad; --on-strong: #ffffff; --good: #136c36; --bad: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #14161a; --card: #1d2026; --line: #363b45; --text: #eceef2; --soft: #a7afbd;
    --strong: #7ab8f5; --on-strong: #0c1a28; --good: #6fd195; --bad: #ff8f87;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem;
  padding: .75rem 1rem; background: var(--card); border-bottom: 1px solid var(--line); }
h1 { margin: 0; font-size: 1.15rem; }
#state { color: var(--soft); flex: 1; }
main { max-width: 92rem; margin: 0 auto; padding: 1rem; }
#said { margin: 0 0 1rem; min-height: 1.5em; overflow-wrap: anywhere; }
.good { color: var(--good); } .bad { color: var(--bad); }
#panels { display: grid; gap: 1rem; outline: none; grid-template-columns: minmax(0, 1fr); }
section { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: 1rem; min-width: 0; }
section h3 { margin: 1rem 0 .25rem; font-size: 1rem; font-weight: 600; overflow-wrap: anywhere; }
section h3:first-child { margin-top: 0; }
.buttons.tight { margin: 0; }
@media (min-width: 48rem) { .buttons.tight { flex-wrap: nowrap; } }
section h2, dialog h2, #login h2 { margin: 0 0 .75rem; font-size: 1rem; }
#login { max-width: 26rem; margin: 12vh auto 0; background: var(--card);
  border: 1px solid var(--line); border-radius: .5rem; padding: 1.25rem; }
label { display: block; margin-bottom: .25rem; }
input { width: 100%; font: inherit; padding: .5rem; color: var(--text); background: var(--back);
  border: 1px solid var(--soft); border-radius: .35rem; }
button { font: inherit; padding: .4rem .8rem; border-radius: .35rem; cursor: pointer;
  border: 1px solid var(--soft); background: var(--back); color: var(--text); }
button.strong { background: var(--strong); color: var(--on-strong); border-color: var(--strong); }
:focus-visible { outline: 3px solid var(--strong); outline-offset: 2px; }
.buttons { display: flex; flex-wrap: wrap; gap: .5rem; margin: .75rem 0 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
th:first-child, td:first-child { min-width: 6rem; }
[data-panel="traffic"] td:first-child, [data-panel="snapshots"] td:first-child { min-width: 14rem; }
[data-panel="snapshots"] td:nth-child(2), [data-panel="snapshots"] td:nth-child(3) { min-width: 6rem; }
dl + .scroll, .scroll + .scroll { margin-top: .75rem; }
td button { white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; min-width: 0; }
code { font: .875em ui-monospace, monospace; overflow-wrap: anywhere; }
.spark { width: 7.5rem; height: 1.75rem; }
.spark polyline { fill: none; stroke: var(--strong); stroke-width: 1.5; }
dialog { max-width: min(44rem, calc(100vw - 2rem)); color: var(--text); background: var(--card);
  border: 1px solid var(--line); border-radius: .5rem; }
dialog::backdrop { background: rgb(0 0 0 / 50%); }
.keys { max-height: 40vh; overflow: auto; }
`;
