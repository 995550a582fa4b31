import { useEffect, useState } from "preact/hooks";
import { remember, remembered, type Theme } from "../state/theme";

const NEXT: Readonly<Record<Theme, Theme>> = { system: "dark", dark: "light", light: "system" };

/** Sets the theme of the style sheet and the canvas. An event on the document tells the canvas. */
export const THEME_CHANGED = "astrolabe:theme";

export function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(remembered());
  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    document.dispatchEvent(new Event(THEME_CHANGED));
  }, [theme]);
  const choose = () => {
    remember(NEXT[theme]);
    setTheme(NEXT[theme]);
  };
  return (
    <button type="button" class="theme" title={`Colours: ${theme}`} onClick={choose}>
      <svg viewBox="-10 -10 20 20" aria-hidden="true">
        <circle r="7" />
        <path d="M0-7A7 7 0 0 1 0 7Z" />
      </svg>
      <span class="visually-hidden">Colours: {theme}. Switch</span>
    </button>
  );
}
