(function () {
  "use strict";
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var plots = Array.prototype.slice.call(document.querySelectorAll(".plot"));

  function ink() {
    return getComputedStyle(document.body).getPropertyValue("--soft").trim();
  }

  function draw(place) {
    var figure = JSON.parse(document.getElementById(place.id + "-data").textContent);
    figure.layout.font.color = ink();
    figure.layout.autosize = true;
    if (place.clientWidth < 500) {
      figure.layout.margin = { l: 56, r: 8, t: 36, b: 48 };
      figure.layout.font.size = 11;
      if (figure.layout.showlegend) {
        figure.layout.legend.y = -0.38;
        figure.layout.height += 40;
      }
    }
    place.style.height = figure.layout.height + "px";
    Plotly.newPlot(place, figure.data, figure.layout, {
      responsive: true,
      displaylogo: false,
      modeBarButtons: [["zoom2d", "pan2d", "resetScale2d"]]
    }).then(function () { place.setAttribute("data-drawn", "yes"); });
  }

  plots.forEach(draw);
  dark.addEventListener("change", function () {
    plots.forEach(function (place) { Plotly.relayout(place, { "font.color": ink() }); });
  });
})();
