(function () {
  "use strict";
  var sheet = JSON.parse(document.getElementById("sheet").textContent);

  function shown(unit, fact) {
    if (fact === null || fact === undefined) { return "–"; }
    if (unit === "word") { return String(fact); }
    var value = unit === "bytes" ? fact / 1048576 : unit === "clock" ? fact / 1e6 : fact;
    return value.toLocaleString("en-US", { maximumFractionDigits: unit === "count" ? 0 : 1 });
  }

  function unitWord(unit) {
    return { bytes: ", MiB", clock: ", million instructions" }[unit] || "";
  }

  function distinct(cells, axis) {
    return cells.map(function (cell) { return cell.labels[axis]; }).filter(function (value, at, all) {
      return all.indexOf(value) === at;
    });
  }

  function select(name, options, chosen, parent) {
    var label = document.createElement("label");
    label.textContent = name + " ";
    var choice = document.createElement("select");
    options.forEach(function (option) {
      var item = document.createElement("option");
      item.value = option[0];
      item.textContent = option[1];
      item.selected = option[0] === chosen;
      choice.appendChild(item);
    });
    label.appendChild(choice);
    parent.appendChild(label);
    return choice;
  }

  function element(tag, text, scope) {
    var made = document.createElement(tag);
    made.textContent = text;
    if (scope) { made.scope = scope; }
    return made;
  }

  function heat(cell, fact, low, high) {
    if (typeof fact !== "number" || high <= low) { return; }
    var share = (fact - low) / (high - low);
    cell.style.background = "color-mix(in srgb, var(--heat) " + Math.round(8 + 52 * share) + "%, var(--panel))";
  }

  function grid(cells, rows, columns, fact, low, high, title) {
    var box = document.createElement("div");
    box.className = "scroll";
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    var table = document.createElement("table");
    table.className = "pivot";
    table.appendChild(element("caption", title));
    box.setAttribute("aria-label", title);
    var head = table.createTHead().insertRow();
    head.appendChild(element("th", rows + (columns ? " \\ " + columns : ""), "col"));
    var across = columns ? distinct(cells, columns) : [""];
    across.forEach(function (value) {
      var th = element("th", value, "col");
      th.className = "number";
      head.appendChild(th);
    });
    var body = table.createTBody();
    distinct(cells, rows).forEach(function (down) {
      var row = body.insertRow();
      row.appendChild(element("th", down, "row"));
      across.forEach(function (value) {
        var found = cells.filter(function (cell) {
          return cell.labels[rows] === down && (!columns || cell.labels[columns] === value);
        })[0];
        var place = row.insertCell();
        place.className = "number";
        if (!found) { return; }
        var known = found.state === "done" ? found.facts[fact] : undefined;
        place.textContent = found.state === "done" ? shown(sheet.columns[fact].unit, known) : found.state;
        place.title = found.run || found.reason;
        heat(place, known, low, high);
      });
    });
    box.appendChild(table);
    return box;
  }

  function others(sweep, used) {
    return sweep.varying.filter(function (axis) { return used.indexOf(axis) < 0; });
  }

  function fill(place, sweep, rows, columns, fact) {
    place.textContent = "";
    var numbers = sweep.cells.map(function (cell) { return cell.facts[fact]; }).filter(function (value) {
      return typeof value === "number";
    });
    var low = Math.min.apply(null, numbers), high = Math.max.apply(null, numbers);
    var rest = others(sweep, [rows, columns]);
    var groups = {};
    sweep.cells.forEach(function (cell) {
      var name = rest.map(function (axis) { return axis + " " + cell.labels[axis]; }).join(", ");
      (groups[name] = groups[name] || []).push(cell);
    });
    var about = sheet.columns[fact];
    Object.keys(groups).forEach(function (name) {
      var title = about.heading + unitWord(about.unit) + (name ? " (" + name + ")" : "");
      place.appendChild(grid(groups[name], rows, columns, fact, low, high, title));
    });
  }

  document.querySelectorAll(".pivots").forEach(function (place) {
    var sweep = sheet.sweeps[Number(place.dataset.sweep)];
    sweep.varying = sweep.axes.filter(function (axis) { return distinct(sweep.cells, axis).length > 1; });
    if (!sweep.varying.length) { sweep.varying = [sweep.axes[0]]; }
    var bar = document.createElement("div");
    bar.className = "choices";
    var grids = document.createElement("div");
    grids.className = "grids";
    place.appendChild(bar);
    place.appendChild(grids);
    var axes = sweep.varying.map(function (axis) { return [axis, axis]; });
    var facts = Object.keys(sheet.columns).map(function (name) { return [name, sheet.columns[name].heading]; });
    var first = sweep.columns.filter(function (name) { return sheet.columns[name].unit !== "word"; })[0] || sweep.columns[0];
    var fact = select("Show", facts, first, bar);
    var down = select("Rows", axes, axes[0][0], bar);
    var across = select("Columns", [["", "none"]].concat(axes), axes.length > 1 ? axes[axes.length - 1][0] : "", bar);
    function redraw() {
      var columns = across.value === down.value ? "" : across.value;
      fill(grids, sweep, down.value, columns, fact.value);
    }
    [fact, down, across].forEach(function (one) { one.addEventListener("change", redraw); });
    redraw();
  });
})();
