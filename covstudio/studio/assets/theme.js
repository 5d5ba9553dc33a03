// Before anything is painted: the theme chosen last, or the system's.
(() => {
  let theme = null;
  try {
    theme = localStorage.getItem("covstudio.theme");
  } catch {}
  const dark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.csTheme = dark ? "dark" : "light";
})();
