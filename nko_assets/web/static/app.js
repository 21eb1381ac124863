// What every page does beyond links and forms: the menu shows where one is, a local video jumps to
// the second that was asked for.
"use strict";

document
  .querySelector("header.site nav [aria-current]")
  ?.scrollIntoView({ block: "nearest", inline: "center" });

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-second]");
  const player = document.getElementById("player");
  if (!link || !player || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  player.currentTime = Number(link.dataset.second);
  player.scrollIntoView({ block: "nearest" });
  player.play().catch(() => player.focus());
});
