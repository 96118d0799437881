// Whether clients' names are hidden in this browser, before anything is drawn.
try {
  document.documentElement.classList.toggle("hide-names", localStorage.getItem("aside-names") === "hidden");
} catch {
  // a browser that keeps nothing shows them
}
