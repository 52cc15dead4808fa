// Sets the theme before the first paint. Classic and separate, because the content security policy
// allows no inline script and a module would run too late.
(function () {
  var choice = null;
  try {
    choice = localStorage.getItem('pumasi.theme');
  } catch {
    // Storage is blocked: the system's preference decides.
  }
  var dark = matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = ['light', 'dark', 'glass', 'xp', 'dancheong'].includes(
    choice,
  )
    ? choice
    : dark
      ? 'dark'
      : 'light';
})();
