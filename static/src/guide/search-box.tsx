import { useEffect, useRef, useState } from "preact/hooks";
import { useOutside } from "../ui/hooks";
import { type Hit, Index, type Section } from "./search";

/** Search as you type; Up, Down and Enter choose (the combobox pattern of ARIA). "/" opens it. */
export function SearchBox({ address }: { address: string }) {
  const [index, setIndex] = useState<Index | null>(null);
  const [failed, setFailed] = useState(false);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const [isOpen, setOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const box = useOutside<HTMLDivElement>(() => setOpen(false));
  useEffect(() => focusBySlash(input), []);

  const load = async () => {
    setOpen(true);
    if (index !== null) return;
    try {
      const answer = await fetch(address);
      setIndex(new Index((await answer.json()) as Section[]));
      setFailed(false);
    } catch {
      setFailed(true);
    }
  };
  const shown = isOpen && text.trim() !== "";
  const hits = shown && index !== null ? index.find(text) : [];
  const go = (hit: Hit | undefined) => {
    if (hit === undefined) return;
    setOpen(false);
    location.assign(hit.id);
  };
  const keys: Record<string, () => void> = {
    ArrowDown: () => setAt(Math.min(at + 1, hits.length - 1)),
    ArrowUp: () => setAt(Math.max(at - 1, 0)),
    Enter: () => go(hits[at]),
    Escape: () => {
      setText("");
      setOpen(false);
      input.current?.blur();
    },
  };
  const press = (event: KeyboardEvent) => {
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  };

  return (
    <div class="search" ref={box}>
      <input
        ref={input}
        type="text"
        role="combobox"
        aria-label="Search the guide"
        aria-expanded={hits.length > 0}
        aria-controls="search-results"
        aria-autocomplete="list"
        aria-activedescendant={hits[at] ? `result-${at}` : undefined}
        autocomplete="off"
        spellcheck={false}
        placeholder="Search the guide"
        value={text}
        onFocus={load}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
          setOpen(true);
        }}
        onKeyDown={press}
      />
      <kbd aria-hidden="true">/</kbd>
      <div class="results" hidden={!shown}>
        <div id="search-results" role="listbox" aria-label="Sections found">
          {hits.map((hit, place) => (
            <Result key={hit.id} hit={hit} id={`result-${place}`} chosen={place === at} choose={go} />
          ))}
        </div>
        <p role="status">{shown ? said(index !== null, failed, hits.length) : ""}</p>
      </div>
    </div>
  );
}

function said(loaded: boolean, failed: boolean, found: number): string {
  if (failed) return "The search index could not be loaded.";
  if (!loaded) return "Loading…";
  return found === 0 ? "No results." : `${found} ${found === 1 ? "section" : "sections"}`;
}

function Result(props: { hit: Hit; id: string; chosen: boolean; choose: (hit: Hit) => void }) {
  const { hit, id, chosen, choose } = props;
  const scroll = (element: HTMLElement | null) => {
    if (chosen) element?.scrollIntoView({ block: "nearest" });
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the input has the keys, as the combobox pattern wants it
    // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the input
    <div id={id} role="option" aria-selected={chosen} ref={scroll} onClick={() => choose(hit)}>
      <strong>{hit.heading}</strong>
      {hit.heading !== hit.page && <span class="of"> {hit.page}</span>}
      <p>
        {hit.excerpt.map((piece, index) =>
          piece.found ? <mark key={index}>{piece.text}</mark> : piece.text,
        )}
      </p>
    </div>
  );
}

function focusBySlash(input: { current: HTMLInputElement | null }): () => void {
  const press = (event: KeyboardEvent) => {
    if (event.key !== "/" || event.target instanceof HTMLInputElement) return;
    event.preventDefault();
    input.current?.focus();
  };
  document.addEventListener("keydown", press);
  return () => document.removeEventListener("keydown", press);
}
