// Light, dark, or as the system has it; remembered in the browser.

const STORED = "scout-theme";
const THEMES = ["system", "light", "dark"];

/** Apply the remembered theme, and change it with `button`. */
export function themes(button) {
  let theme = THEMES.includes(localStorage.getItem(STORED)) ? localStorage.getItem(STORED) : "system";
  const apply = () => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
  };
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    localStorage.setItem(STORED, theme);
    apply();
  });
  apply();
}
