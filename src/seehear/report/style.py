# SPDX-License-Identifier: Apache-2.0
"""The look of the page, light and dark, from a phone to a wide screen."""

STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #ffffff; --ink: #1d2126; --soft: #676f7a; --line: #dfe1e4;
  --trained: #2f6fde; --supervised: #8a63c9; --random: #98a1ad; --statistics: #b8a07a; --chance: #c9ced5;
  --right: #22924f; --wrong: #d2493a; --warn: #fff3d6; --warn-ink: #6b4d00; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --card: #1d2126; --ink: #e8eaed; --soft: #9aa3ae;
  --line: #343a42; --trained: #6ea0ff; --supervised: #b493ec; --random: #7d8794; --statistics: #9b8660;
  --chance: #565e69; --right: #4cc27d; --wrong: #f0705f; --warn: #3b3117; --warn-ink: #f3d998; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI",
  Roboto, sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 28px 18px 60px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .3em; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.4em 0 .2em; }
h3 { font-size: 1rem; margin: 1.4em 0 .4em; }
p { margin: .3em 0 .8em; } .lead { font-size: 1.1rem; max-width: 46em; } .explain, .soft { color: var(--soft); }
.explain { max-width: 52em; } .soft { font-size: .85rem; }
.warn { background: var(--warn); color: var(--warn-ink); border-radius: 8px; padding: .6em .9em; margin: .5em 0;
  overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 235px), 1fr)); gap: 14px;
  margin: 1.2em 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px; }
.card h3 { margin: 0; font-size: .95rem; } .card .big { font-size: 2rem; font-weight: 650; line-height: 1.25;
  font-variant-numeric: tabular-nums; } .card .soft { margin: 0 0 .7em; }
.bars { display: grid; grid-template-columns: auto 1fr auto; gap: 3px 8px; align-items: center; font-size: .8rem; }
.bars .track { height: 9px; border-radius: 5px; background: color-mix(in srgb, var(--line) 55%, transparent);
  overflow: hidden; } .bars .fill { height: 100%; border-radius: 5px; min-width: 1px; }
.bars .value, td { font-variant-numeric: tabular-nums; text-align: right; }
.trained { background: var(--trained); } .supervised { background: var(--supervised); }
.random { background: var(--random); } .statistics { background: var(--statistics); }
.chance { background: var(--chance); }
.scroll { overflow-x: auto; margin: .6em 0; } table { border-collapse: collapse; font-size: .9rem; min-width: 100%; }
th, td { padding: 5px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; } th { text-align: left;
  font-weight: 500; } thead th { color: var(--soft); font-size: .8rem; vertical-align: bottom; }
thead th:not(:first-child) { text-align: right; } td.own, td.best { font-weight: 650; }
table.about td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.meter { display: inline-block; width: 90px; height: 8px; border-radius: 4px; margin-right: 8px; overflow: hidden;
  background: color-mix(in srgb, var(--line) 55%, transparent); vertical-align: middle; }
.meter span { display: block; height: 100%; background: var(--trained); }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); gap: 14px; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 10px 12px; }
figcaption { font-size: .85rem; } svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft);
  font-size: 11px; } svg circle { opacity: .75; } svg .axis { stroke: var(--line); } svg .stage { stroke: var(--soft); stroke-dasharray: 2 3; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: .8rem; margin: .5em 0; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 5px; }
.row { display: flex; gap: 10px; overflow-x: auto; padding: 8px 0 12px; align-items: stretch; }
.tile { flex: 0 0 124px; background: var(--card); border: 2px solid var(--line); border-radius: 10px; padding: 5px;
  font-size: .75rem; line-height: 1.3; } .tile img { width: 100%; display: block; border-radius: 5px; }
.tile img + img { margin-top: 4px; height: 44px; } .tile .name { overflow-wrap: anywhere; margin-top: 4px; }
.tile.right { border-color: var(--right); } .tile.wrong { border-color: var(--wrong); }
.tile.query { border-style: dashed; border-color: var(--soft); } .tile .faded { opacity: .28; }
.tile b.right { background: none; color: var(--right); } .tile b.wrong { color: var(--wrong); }
.arrow { align-self: center; color: var(--soft); font-size: 1.4rem; }
details summary { cursor: pointer; color: var(--soft); } footer { margin-top: 3em; }
"""
