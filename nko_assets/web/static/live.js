// New turns as they are ingested: the stream says that there are some, the server renders them.
"use strict";

(() => {
  const list = document.getElementById("turns");
  const told = document.getElementById("listening");
  if (!list || !list.dataset.stream || !window.EventSource) return;

  const MOST = Math.max(list.children.length, 30);
  const GATHER_MS = 400; // a load brings many at once
  const SETTLE_MS = 4000; // figures of a large memory follow a little later
  let stream, gathering, settling;
  let fetching = false;
  let again = false;

  const lastSeen = () =>
    Math.max(0, ...Array.from(list.children, (turn) => Number(turn.dataset.seq)));

  // One at a time: who asks before the last answer is there would get the same turns again.
  async function fetchNews() {
    gathering = undefined;
    again = fetching;
    if (fetching) return;
    fetching = true;
    try {
      await window.htmx.ajax("GET", `${list.dataset.news}after=${lastSeen()}`, {
        target: list,
        swap: "afterbegin",
      });
      tidy();
    } catch {
      // The server is away, which the stream notices too; it asks again when it is back.
    } finally {
      fetching = false;
    }
    if (again) await fetchNews();
  }

  function tidy() {
    document.querySelectorAll("#turns ~ .notice, .sheet > .notice").forEach((notice) => {
      if (list.children.length && notice.parentElement === list.parentElement) notice.remove();
    });
    while (list.children.length > MOST) list.lastElementChild.remove();
  }

  function follow() {
    stream = new EventSource(list.dataset.stream);
    stream.addEventListener("open", () => {
      told.textContent = told.dataset.on;
      told.classList.add("on");
    });
    stream.addEventListener("error", () => {
      told.textContent = told.dataset.off;
      told.classList.remove("on");
    });
    // From here on every turn is told; what came before, since the page was made, is fetched.
    stream.addEventListener("following", fetchNews);
    stream.addEventListener("turn", () => {
      gathering ??= setTimeout(fetchNews, GATHER_MS);
      clearTimeout(settling);
      settling = setTimeout(fetchNews, SETTLE_MS);
    });
    stream.addEventListener("anew", () => window.location.reload());
  }

  // A browser keeps few connections to a server: a page that nobody looks at needs none.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stream?.close();
      stream = undefined;
    } else if (!stream) {
      follow();
    }
  });
  follow();
})();
