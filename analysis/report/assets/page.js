(function () {
  "use strict";
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var plots = Array.prototype.slice.call(document.querySelectorAll(".plot"));

  function ink() {
    return getComputedStyle(document.body).getPropertyValue("--soft").trim();
  }

  function unpacked(name) {
    var text = atob(document.getElementById(name).textContent);
    var bytes = Uint8Array.from(text, function (letter) { return letter.charCodeAt(0); });
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  }

  function draw(place, figure) {
    figure.layout.font.color = ink();
    figure.layout.autosize = true;
    if (place.clientWidth < 500) {
      figure.layout.margin = { l: 56, r: 8, t: 30, b: 48 };
      figure.layout.font.size = 11;
    }
    place.style.height = figure.layout.height + "px";
    Plotly.newPlot(place, figure.data, figure.layout, {
      responsive: true,
      displaylogo: false,
      modeBarButtons: [["zoom2d", "pan2d", "resetScale2d"]]
    }).then(function () { place.setAttribute("data-drawn", "yes"); });
  }

  function withoutCharts() {
    plots.forEach(function (place) {
      place.style.height = "auto";
      place.textContent = "This browser cannot draw the chart; its values are in the table below.";
      place.setAttribute("data-drawn", "no");
    });
    document.querySelectorAll("details.values").forEach(function (values) { values.open = true; });
  }

  if (!plots.length) { return; }
  if (!window.DecompressionStream) { withoutCharts(); return; }
  Promise.all([unpacked("plotly-code"), unpacked("plotly-data")]).then(function (found) {
    var script = document.createElement("script");
    script.textContent = found[0];
    document.head.appendChild(script);
    var figures = JSON.parse(found[1]);
    plots.forEach(function (place) { draw(place, figures[place.id]); });
    dark.addEventListener("change", function () {
      plots.forEach(function (place) { Plotly.relayout(place, { "font.color": ink() }); });
    });
  });
})();
