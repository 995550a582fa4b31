import { useEffect, useRef, useState } from "preact/hooks";
import { Glyph } from "./glyph";
import { moveInList, useOutside } from "./hooks";

export interface Option {
  readonly value: string;
  readonly title: string;
  readonly count: number;
  readonly errors: number;
}

interface MenuProps {
  readonly title: string;
  readonly chosen: readonly string[];
  /** Shown next to the title; by default, what is chosen. */
  readonly note?: string;
  /** Asked for when it opens. */
  readonly options: () => readonly Option[];
  readonly toggle: (value: string) => void;
  readonly clear?: () => void;
}

const SEARCH_FROM = 10;

/** A button that opens a list to choose from. */
export function Menu({ title, chosen, note, options, toggle, clear }: MenuProps) {
  const [isOpen, setOpen] = useState(false);
  const [text, setText] = useState("");
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const box = useOutside<HTMLDivElement>(() => setOpen(false));
  useEffect(() => {
    if (isOpen) list.current?.querySelector<HTMLElement>("input, [data-item]")?.focus();
  }, [isOpen]);
  const close = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !isOpen) return;
    event.stopPropagation();
    setOpen(false);
    button.current?.focus();
  };
  const all = isOpen ? options() : [];
  const shown = all.filter((option) => option.title.toLowerCase().includes(text.toLowerCase()));
  const told = note ?? (chosen.length > 2 ? `${chosen.length}` : chosen.join(", "));
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes the list wherever the focus is in it
    <div class="menu" ref={box} onKeyDown={close}>
      <button
        type="button"
        ref={button}
        aria-expanded={isOpen}
        aria-haspopup="dialog"
        data-chosen={note === undefined && chosen.length > 0}
        onClick={() => setOpen(!isOpen)}
      >
        {title} {told && <strong>{told}</strong>}
        <svg viewBox="0 0 10 10" aria-hidden="true">
          <path d="m2 3.5 3 3 3-3" />
        </svg>
      </button>
      {isOpen && (
        <div class="choices" role="dialog" aria-label={title} ref={list} onKeyDown={moveInList}>
          {all.length > SEARCH_FROM && (
            <input
              type="search"
              aria-label={`Search ${title.toLowerCase()}`}
              placeholder={`Search ${title.toLowerCase()}`}
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          )}
          <ul>
            {shown.map((option) => (
              <li key={option.value}>
                <label>
                  <input
                    type="checkbox"
                    data-item
                    checked={chosen.includes(option.value)}
                    onChange={() => toggle(option.value)}
                  />
                  <span class="name">{option.title}</span>
                  {option.errors > 0 && (
                    <span class="errors">
                      <Glyph status="Error" label="errors" /> {option.errors}
                    </span>
                  )}
                  <span class="number">{option.count.toLocaleString()}</span>
                </label>
              </li>
            ))}
          </ul>
          {clear !== undefined && chosen.length > 0 && (
            <button type="button" class="plain" onClick={clear}>
              Clear
            </button>
          )}
        </div>
      )}
    </div>
  );
}
