// What every page does beyond links and forms: a local video jumps to the second that was asked for.
"use strict";

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-second]");
  const player = document.getElementById("player");
  if (!link || !player || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  player.currentTime = Number(link.dataset.second);
  player.scrollIntoView({ block: "nearest" });
  player.play().catch(() => player.focus());
});
