(function () {
  var d = document, n = navigator, s = d.currentScript, left = 1e4, from, timer;
  var kinds = ["click", "keydown", "scroll", "visibilitychange"];
  var id = /[?&]ll_click=(clk_[0-9a-z]{26})(?![^&])/.exec(location.search);
  if (!id || !s || n.globalPrivacyControl || n.doNotTrack == 1 || !n.sendBeacon) return;
  function done() {
    clearTimeout(timer);
    kinds.forEach(function (k) { d.removeEventListener(k, heard, true); });
    n.sendBeacon(new URL("e", s.src), id[1]);
  }
  function watch() {
    clearTimeout(timer);
    if (from) left -= Date.now() - from;
    from = d.visibilityState == "visible" && Date.now();
    if (from) timer = setTimeout(done, left);
  }
  function heard(e) {
    var r = d.documentElement;
    if (e.type == "visibilitychange") watch();
    else if (e.type == "scroll" ? scrollY > (r.scrollHeight - innerHeight) / 4 : e.isTrusted) done();
  }
  kinds.forEach(function (k) { d.addEventListener(k, heard, true); });
  watch();
})();
