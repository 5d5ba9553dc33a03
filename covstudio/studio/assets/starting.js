// Until the page stands. Where the page was handed out and no model came after a minute, its line could not be opened: a proxy in
// between, a server that ended in that moment. It is asked for again, at most once a minute.
(() => {
  const began = performance.now();
  const timer = setInterval(() => {
    if (document.body.dataset.ready || window.Bokeh?.documents.length) clearInterval(timer);
    else if (performance.now() - began > 60_000) location.reload();
  }, 1000);
})();
