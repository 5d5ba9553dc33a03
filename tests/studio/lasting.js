// Opens the studio anew in a page that stays (see lasting.py): what a page loads from files stays, everything else is new.
(() => {
  const lines = new Set();
  window.WebSocket = new Proxy(WebSocket, {
    construct(made, words) {
      const line = Reflect.construct(made, words);
      lines.add(line);
      return line;
    },
  });

  const answered = (asked) =>
    new Promise((known, failed) => {
      asked.onsuccess = () => known(asked.result);
      asked.onerror = () => failed(asked.error);
    });

  // The browser's own storage; the page may have it open, so that it is emptied and not deleted.
  async function forget() {
    localStorage.clear();
    sessionStorage.clear();
    for (const { name } of await indexedDB.databases()) {
      const base = await answered(indexedDB.open(name));
      for (const store of base.objectStoreNames)
        await answered(base.transaction(store, "readwrite").objectStore(store).clear());
      base.close();
    }
  }

  window.lasting = {
    // Take down what is drawn, and end its line to the server.
    async down() {
      for (const view of Object.values(Bokeh.index)) view.remove();
      // A plot that was being laid out changes its model once more, after it is gone: as where Bokeh itself ends a line for
      // good, nobody hears it any longer.
      for (const one of Bokeh.documents) one._callbacks.clear();
      Bokeh.documents.length = 0;
      for (const line of lines)
        if (line.readyState !== WebSocket.CLOSED)
          await new Promise((closed) => {
            line.addEventListener("close", closed);
            line.close(1000);
          });
      lines.clear();
      const { dataset, children } = document.body;
      delete dataset.ready;
      delete window.covstudio;
      for (const one of [...children]) if (!one.hasAttribute("data-own")) one.remove();
    },
    // Ask the server for a page, as the browser does, and draw its session where the last one was.
    async up(address) {
      await forget();
      const text = await (await fetch(address, { cache: "no-store" })).text();
      const made = new DOMParser().parseFromString(text, "text/html");
      document.documentElement.removeAttribute("data-cs-theme");
      for (const script of made.head.querySelectorAll("script:not([src])")) (0, eval)(script.textContent);
      const place = document.getElementById("cs-studio");
      place.replaceChildren(...made.getElementById("cs-studio").childNodes);
      await Bokeh.embed.embed_items({}, JSON.parse(/const render_items = (\[.*\]);/.exec(text)[1]));
    },
  };

  addEventListener("load", () => {
    for (const one of document.body.children) one.setAttribute("data-own", "");
  });
})();
