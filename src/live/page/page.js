// Draws live.json once a second. Everything in it is shown as text, never as markup.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

const element = (name, text, className) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
};

const shape = (name, attributes, text) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
};

const titled = (made, text) => {
  made.append(shape("title", {}, text));
  return made;
};

const count = (value) => value.toLocaleString("en");
const ms = (value) => (value === null ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`);
const duration = (seconds) => {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([size]) => seconds >= size);
  if (first < 0) return "0 s";
  const left = [];
  for (const [size, unit] of parts.slice(first, first + 2)) {
    left.push(`${Math.floor(seconds / size)} ${unit}`);
    seconds %= size;
  }
  return left.join(" ");
};

function drawState(live) {
  const { node } = live;
  const ours = node.overlays.map((one) => `${one.id.slice(0, 8)}… ${one.joined ? "joined" : "not joined"}`);
  const seen = node.overlays.map((one) => one.external_addr).filter(Boolean);
  const outside = seen.length ? `, seen as ${seen.join(" and ")}` : "";
  byId("state").textContent = `${ours.join("; ")}; up ${duration(node.uptime_s)}; on ${node.local.join(", ")}${outside}`;
}

function drawNumbers(live) {
  const { node, rates } = live;
  const sum = (values) => Object.values(values).reduce((a, b) => a + b, 0);
  const [out, into] = rates.length ? rates.at(-1).slice(2) : [0, 0];
  const shown = [
    ["queries sent", count(sum(node.queries_sent))],
    ["queries received", count(sum(node.queries_received))],
    ["timeouts", count(node.timeouts)],
    ["contacts", count(node.overlays.reduce((all, one) => all + one.contacts, 0))],
    ["swarms stored", count(node.stored_swarms)],
    ["peers stored", count(node.stored_peers)],
    ["bytes out a second", count(Math.round(out))],
    ["bytes in a second", count(Math.round(into))],
  ];
  byId("numbers").replaceChildren(...shown.map(([name, value]) => {
    const pair = element("div");
    pair.append(element("dt", name), element("dd", value));
    return pair;
  }));
}

function drawRates(rates) {
  const most = Math.max(1, ...rates.flatMap((rate) => rate.slice(0, 2)));
  const [width, height, seconds] = [480, 80, 120];
  const line = (column, className) => {
    const from = seconds - rates.length;
    const points = rates.map((rate, i) =>
      `${((from + i) / (seconds - 1)) * width},${height - 2 - (rate[column] / most) * (height - 6)}`);
    return shape("path", { d: points.length ? `M${points.join("L")}` : "", class: className });
  };
  byId("rates").replaceChildren(line(0, "sent"), line(1, "received"));
  byId("rates-scale").textContent = `highest ${most < 10 ? most.toFixed(1) : Math.round(most)} a second`;
}

const STANDINGS = ["good", "questionable", "bad", "waiting"];

function drawTable(overlay) {
  const [row, width, left] = [16, 480, 40];
  const totals = overlay.buckets.map((bucket) => bucket.reduce((a, b) => a + b, 0));
  const most = Math.max(1, ...totals);
  const height = Math.max(1, totals.length) * row + 4;
  const picture = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Contacts in each bucket" });
  overlay.buckets.forEach((bucket, index) => {
    const y = index * row;
    picture.append(shape("text", { x: left - 6, y: y + 11, "text-anchor": "end" }, index));
    let x = left;
    bucket.forEach((number, standing) => {
      const w = (number / most) * (width - left - 50);
      if (!number) return;
      const bar = shape("rect", { x, y: y + 2, width: w, height: row - 5, class: STANDINGS[standing] });
      picture.append(titled(bar, `bucket ${index}: ${number} ${STANDINGS[standing]}`));
      x += w;
    });
    if (totals[index]) picture.append(shape("text", { x: x + 5, y: y + 11 }, count(totals[index])));
  });
  const all = element("div");
  const rtt = overlay.rtt_ms;
  const times = rtt ? `; round-trip times ${ms(rtt[0])}, ${ms(rtt[1])}, ${ms(rtt[2])} (10th, 50th, 90th percentile)` : "";
  all.append(element("p", `${overlay.family === "V4" ? "IPv4" : "IPv6"}, ID ${overlay.id}${times}`, "scale"), picture);
  return all;
}

function drawWaterfall(lookup) {
  // on a narrow screen names would be too small to read: they are in the titles
  const isNarrow = innerWidth < 600;
  const [row, width, left] = isNarrow ? [5, 380, 0] : [9, 960, 150];
  const now = Math.max(1, ...lookup.queries.map((query) => query.ended_ms ?? query.sent_ms + 1));
  const scale = (width - left - 60) / now;
  const height = lookup.queries.length * row + 16;
  const picture = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Queries of the lookup of ${lookup.infohash}` });
  const first = lookup.first_peer_ms;
  if (first !== null) {
    const x = left + first * scale;
    picture.append(shape("line", { x1: x, x2: x, y1: 0, y2: height - 12 }),
      shape("text", { x, y: height - 2, "text-anchor": "middle" }, `first peer ${ms(first)}`));
  }
  lookup.queries.forEach((query, index) => {
    const y = index * row;
    const end = query.ended_ms ?? now;
    const bar = shape("rect", { x: left + query.sent_ms * scale, y: y + 1, height: row - 3,
      width: Math.max(1.5, (end - query.sent_ms) * scale), class: query.end });
    const took = query.ended_ms === null ? query.end : `${query.end} after ${ms(query.ended_ms - query.sent_ms)}`;
    const name = shape("text", { x: left - 6, y: y + 8, "text-anchor": "end" }, `${query.id} ${query.to}`);
    picture.append(...(isNarrow ? [] : [name]), titled(bar, `${query.to}, sent after ${ms(query.sent_ms)}, ${took}`));
  });
  return picture;
}

function drawLookup(lookup) {
  const all = element("article", undefined, "lookup");
  const found = lookup.peers ? `${count(lookup.peers)} peers, the first after ${ms(lookup.latency_ms ?? lookup.first_peer_ms)}` +
    (lookup.cost === null ? "" : ` and ${lookup.cost} queries`) : "no peers";
  const state = lookup.given_up ? "given up" : lookup.over ? "over" : "running";
  all.append(element("h3", lookup.infohash),
    element("p", `${state}: ${found}; ${lookup.sent} queries, ${lookup.answered} answered`), drawWaterfall(lookup));
  return all;
}

function draw(live) {
  drawState(live);
  drawNumbers(live);
  drawRates(live.rates);
  byId("tables").replaceChildren(...live.overlays.map(drawTable));
  const lookups = live.lookups.map(drawLookup);
  byId("lookups").replaceChildren(...(lookups.length ? lookups : [element("p", "None so far.")]));
  const notices = live.notices.length ? live.notices.toReversed() : ["None so far."];
  byId("notices").replaceChildren(...notices.map((notice) => element("li", notice)));
}

async function refresh() {
  try {
    const answer = await fetch("live.json");
    if (!answer.ok) throw new Error(`answer ${answer.status}`);
    const live = await answer.json();
    if (live.node) draw(live);
  } catch {
    byId("state").textContent = "the node does not answer any more";
  }
  setTimeout(refresh, 1000);
}

refresh();
