"use strict";
// Adds sliders to charts and traversals. Without it the page is whole: all that is shown here stands in its
// pictures and tables. Names come from data: they are put in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function drawn(parent, name, attributes) {
  const made = parent.appendChild(document.createElementNS(SVG, name));
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// A labelled slider over the numbers below `count`; `told` says in words where it stands, `moved` shows it.
function slider(label, count, start, told, moved) {
  const box = element("div", "", { class: "control" });
  const name = element("label", label);
  const range = element("input", "", { type: "range", min: 0, max: count - 1, step: 1 });
  const said = element("output", "", { "aria-live": "polite" });
  const go = at => {
    range.value = at;
    range.setAttribute("aria-valuetext", told(at));
    said.textContent = told(at);
    moved(at);
  };
  range.addEventListener("input", () => go(Number(range.value)));
  name.append(range);
  box.append(name, said);
  return { box, go: at => go(Math.min(Math.max(at, 0), count - 1)), start: () => go(start) };
}

function nearest(values, value) {
  let best = 0;
  values.forEach((other, number) => {
    if (other !== null && (values[best] === null || Math.abs(other - value) < Math.abs(values[best] - value))) best = number;
  });
  return best;
}

function readout(data) {
  const table = element("table", "", { class: "readout" });
  const head = table.createTHead().insertRow();
  data.head.forEach((title, column) => head.append(element("th", title, { scope: "col", class: column === 2 ? "" : "text" })));
  const body = table.createTBody();
  for (const curve of data.curves) {
    const row = body.insertRow();
    const name = row.appendChild(element("th", "", { scope: "row", class: "text" }));
    const swatch = name.appendChild(element("span", "", { class: "swatch" }));
    swatch.style.background = curve.colour;
    name.append(curve.name);
    for (const kind of ["text", "", "text"]) row.append(element("td", "", { class: kind }));
  }
  return table;
}

function chart(figure, data) {
  const svg = figure.querySelector("svg");
  const lines = [...svg.querySelectorAll(".curve")];
  const marks = [...svg.querySelectorAll(".mark")];
  const now = drawn(svg, "path", { class: "now" });
  const dots = data.curves.map(curve => drawn(svg, "circle", { class: "now", r: 4, fill: curve.colour }));
  const table = readout(data);
  const walk = marks.length ? " or an event, or walk through the events with the arrow keys" : "";
  const hint = element("p", `Point at a curve${walk}: its values stand here.`, { class: "hint" });

  const control = slider(data.control, data.x.length, data.start, at => data.told[at], at => {
    now.setAttribute("d", `M${data.x[at]},${data.ends[0]}V${data.ends[1]}`);
    data.curves.forEach((curve, number) => {
      const cells = table.tBodies[0].rows[number].cells;
      [curve.state[at], curve.nats[at], curve.told[at]].forEach((text, cell) => { cells[cell + 1].textContent = text; });
      table.tBodies[0].rows[number].className = lines[number].dataset.state = curve.state[at];
      dots[number].setAttribute("cx", data.x[at]);
      dots[number].setAttribute("cy", curve.y[at] ?? -9);
    });
  });

  const at = event => {
    const box = svg.getBoundingClientRect();
    const scale = svg.viewBox.baseVal.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  };
  svg.addEventListener("pointermove", event => {
    const mark = event.target.closest(".mark");
    const [x, y] = at(event);
    const record = nearest(data.x, x);
    const curve = data.curves[nearest(data.curves.map(one => one.y[record]), y)];
    hint.textContent = mark ? mark.getAttribute("aria-label")
      : `${curve.name}, ${data.told[record]}: ${curve.nats[record]} nats ${curve.told[record]}`;
  });
  svg.addEventListener("click", event => control.go(nearest(data.x, at(event)[0])));
  marks.forEach((mark, number) => {
    mark.setAttribute("tabindex", number ? -1 : 0);
    mark.addEventListener("focus", () => { hint.textContent = mark.getAttribute("aria-label"); });
    mark.addEventListener("keydown", event => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = marks[(number + step + marks.length) % marks.length];
      mark.setAttribute("tabindex", -1);
      next.setAttribute("tabindex", 0);
      next.focus();
    });
  });

  const wide = element("div", "", { class: "wide control", tabindex: 0 });
  wide.append(table);
  svg.after(hint, control.box, wide);
  control.start();
}

function traversal(figure, data) {
  const image = figure.querySelector("img");
  const grid = element("div", "", { class: "traversals" });
  const starts = data.rows.map(row => {
    const canvas = element("canvas", "", { role: "img", width: row.boxes[0][2], height: row.boxes[0][3] });
    const control = slider(row.name, row.boxes.length, row.boxes.length >> 1, at => data.values[at], at => {
      canvas.getContext("2d").drawImage(image, ...row.boxes[at], 0, 0, canvas.width, canvas.height);
      canvas.setAttribute("aria-label", `${row.name} at ${data.values[at]}`);
    });
    control.box.prepend(canvas);
    grid.append(control.box);
    return control.start;
  });
  image.decode().then(() => {
    starts.forEach(start => start());
    image.after(grid);
  });
}

for (const block of document.querySelectorAll("figure script[type='application/json']")) {
  const figure = block.closest("figure");
  (figure.querySelector("svg") ? chart : traversal)(figure, JSON.parse(block.textContent));
}

const folded = [...document.querySelectorAll("details")];
let opened = [];
addEventListener("beforeprint", () => {
  opened = folded.filter(part => !part.open);
  opened.forEach(part => { part.open = true; });
});
addEventListener("afterprint", () => opened.forEach(part => { part.open = false; }));
