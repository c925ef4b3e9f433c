"""What the HTML report of `olos diff` looks like, and the few lines of script that it can be read without."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark;
  --back: #fbfbfa; --card: #fff; --ink: #1c1d1f; --soft: #5c6066; --line: #dfe1e4;
  --old: #a3251c; --old-back: #fdecea; --new: #14652f; --new-back: #e5f5ea;
  --both: #805200; --both-back: #fdf3dc;
  --link: #1a56b0; }
@media (prefers-color-scheme: dark) { :root {
  --back: #141517; --card: #1c1e21; --ink: #e6e7e9; --soft: #a0a5ac; --line: #33373c;
  --old: #ff9d94; --old-back: #43211f; --new: #84d99b; --new-back: #1b3a26;
  --both: #f0c36d; --both-back: #3b2f16;
  --link: #8ab4f8; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere; }
main, header.page, footer { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem; }
header.page { padding-top: 1.75rem; }
footer { padding-top: 1.5rem; padding-bottom: 3rem; color: var(--soft); font-size: .875rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .35rem; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: .35rem 0; }
a { color: var(--link); }
code { font: .9em/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, monospace; }
.soft { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .9rem 1.1rem; }
.card + .card { margin-top: .7rem; }
.verdict { border-left: .4rem solid var(--old); padding: 1.1rem 1.3rem; }
.verdict.equal { border-left-color: var(--new); }
.verdict.twin { border-left-color: var(--both); }
.values { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .6rem 1rem; margin: 1rem 0 0; }
.values dt { font-weight: 600; }
.values dd { margin: 0; }
.hex { display: block; }
.hex span { display: inline-block; margin-right: .45em; }
.values .old, .facts td.old { color: var(--old); }
.values .new, .facts td.new { color: var(--new); }
mark { background: none; color: inherit; font-weight: 700; border-radius: .2em; }
.old mark { background: var(--old-back); color: var(--old); }
.new mark { background: var(--new-back); color: var(--new); }
.tiles { display: flex; flex-wrap: wrap; gap: .6rem; list-style: none; margin: 1rem 0 0; padding: 0; }
.tiles li { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: .5rem .9rem; }
.tiles b { font-size: 1.15rem; font-variant-numeric: tabular-nums; }
.tiles a { color: inherit; text-decoration: none; }
.tiles a:hover { text-decoration: underline; }
.notes { padding-left: 1.2rem; }
.cause header { display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: baseline; }
.cause header .count { margin-left: auto; color: var(--soft); font-size: .875rem; white-space: nowrap; }
.cure::before { content: "Cure: "; font-weight: 600; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; }
.facts thead th { color: var(--soft); font-weight: 500; font-size: .8rem;
  border-bottom: 1px solid var(--line); }
.facts tbody + tbody tr:first-child > *, .facts tr + tr > * { border-top: 1px solid var(--line); }
.facts th[scope=row] { width: 26%; font-weight: 500; }
.facts td { width: 37%; }
.facts td:last-child { padding-right: 0; }
.badge { display: inline-block; min-width: 4.9em; text-align: center; border-radius: .3rem; padding: 0 .4em;
  font-size: .78rem; line-height: 1.55; background: var(--both-back); color: var(--both); }
.badge.added { background: var(--new-back); color: var(--new); }
.badge.removed { background: var(--old-back); color: var(--old); }
.chip { display: inline-block; border: 1px solid var(--line); border-radius: 1em; padding: 0 .6em;
  font-size: .78rem; color: var(--soft); text-decoration: none; white-space: nowrap; max-width: 100%;
  overflow: hidden; text-overflow: ellipsis; }
.chip:hover { color: var(--link); border-color: var(--link); }
details > summary { cursor: pointer; }
.group { padding: 0; }
.group > summary { padding: .7rem 1.1rem; display: flex; flex-wrap: wrap; gap: .15rem .9rem; list-style: none;
  align-items: baseline; }
.group > summary::-webkit-details-marker { display: none; }
.group > summary::before { content: "\\25b8"; color: var(--soft); width: .8em; }
.group[open] > summary::before { content: "\\25be"; }
.group > summary h3 { flex: none; }
.group > summary .step { flex: 1 1 16rem; min-width: 0; }
.group > summary .count { color: var(--soft); font-size: .875rem; font-variant-numeric: tabular-nums; }
.files { list-style: none; margin: 0; padding: 0; }
.files > li { border-top: 1px solid var(--line); padding: .6rem 1.1rem; }
.file { display: flex; flex-wrap: wrap; gap: .2rem .7rem; align-items: baseline; }
.file .path { flex: 1 1 14rem; min-width: 0; font-weight: 600; }
.change { display: grid; gap: .1rem .8rem; grid-template-columns: minmax(6.5rem, max-content) minmax(0, 1fr);
  margin: .35rem 0 0; font-size: .9rem; }
.change dt { color: var(--soft); }
.change dd { margin: 0; }
.change .old { color: var(--old); }
.change .new { color: var(--new); }
.change .arrow { color: var(--soft); padding: 0 .4em; }
.described { margin: .2rem 0 0; font-size: .9rem; }
.inside { margin-top: .35rem; font-size: .9rem; }
.inside ul { margin: .3rem 0 0; padding-left: 1.3rem; }
.more { color: var(--soft); border-top: 1px solid var(--line); padding: .6rem 1.1rem; margin: 0;
  font-size: .9rem; }
.tools { display: flex; flex-wrap: wrap; gap: .6rem; margin: 0 0 .7rem; }
.tools[hidden] { display: none; }
.tools input { flex: 1 1 14rem; min-width: 0; }
.tools input, .tools button { font: inherit; color: inherit; background: var(--card); padding: .35rem .7rem;
  border: 1px solid var(--line); border-radius: .4rem; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
@media (max-width: 40rem) {
  h1 { font-size: 1.4rem; }
  main, header.page, footer { padding-left: .8rem; padding-right: .8rem; }
  .values { grid-template-columns: minmax(0, 1fr); gap: .1rem; }
  .values dd + dt { margin-top: .7rem; }
  .facts thead { display: none; }
  .facts, .facts tbody, .facts tr, .facts th, .facts td { display: block; width: auto !important;
    padding-right: 0; }
  .facts tr { padding: .4rem 0; }
  .facts tr > td { border-top: 0 !important; padding: 0 0 0 .8rem; }
  .facts th[scope=row] { padding: 0; }
  .facts td::before { content: attr(data-side) " "; color: var(--soft); font-size: .8rem; }
  .file .path { flex-basis: 100%; order: 1; }
  .change { grid-template-columns: minmax(0, 1fr); }
  .change dd { padding-left: .8rem; }
  .cause header .count { margin-left: 0; }
}
@media print {
  :root { --back: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; color-scheme: light;
    --old: #8a1c14; --new: #0d4d22; --both: #5c3b00; --link: #000; }
  body { font-size: 10pt; }
  .tools, .group > summary::before { display: none; }
  .card, .files > li { break-inside: avoid; }
  .group { break-inside: auto; }
}
"""

SCRIPT = """
"use strict";
const groups = [...document.querySelectorAll("details.group")];
const tools = document.querySelector(".tools");
if (tools) {
  tools.hidden = false;
  const status = tools.querySelector("[role=status]");
  const rows = [...document.querySelectorAll(".files > li")].map(row => [row, row.textContent.toLowerCase()]);
  tools.querySelector("input").addEventListener("input", event => {
    const wanted = event.target.value.trim().toLowerCase();
    let shown = 0;
    for (const [row, content] of rows) {
      row.hidden = !content.includes(wanted);
      shown += !row.hidden;
    }
    for (const group of groups) {
      group.hidden = !group.querySelector(".files > li:not([hidden])");
      if (wanted) group.open = true;
    }
    status.textContent = wanted ? shown + " of " + rows.length + " shown" : "";
  });
  const [open, close] = tools.querySelectorAll("button");
  open.addEventListener("click", () => groups.forEach(group => { group.open = true; }));
  close.addEventListener("click", () => groups.forEach(group => { group.open = false; }));
}
addEventListener("beforeprint", () => groups.forEach(group => { group.open = true; }));
"""
