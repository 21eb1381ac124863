// Search while one types: when the server does not answer, that is told, and what to do.
"use strict";

(() => {
  const form = document.querySelector("form.search");
  const trouble = document.getElementById("search-trouble");

  const tell = () => {
    const line = document.createElement("p");
    line.textContent = trouble.dataset.failed;
    trouble.replaceChildren(line);
  };

  for (const failed of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    form.addEventListener(failed, tell);
  }
  form.addEventListener("htmx:afterOnLoad", (event) => {
    if (event.detail.successful) trouble.replaceChildren();
  });
})();
