import type { Proposal, SearchHit } from "@astrolabe/stream";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Query, QueryAnswer, QueryFault } from "../state/query";
import { Glyph } from "./glyph";
import { useOutside } from "./hooks";
import { sentence } from "./sentence";

/** The number of proposals shown next to hits, and without hits. */
const BESIDE_HITS = 5;
const ALONE = 10;

/**
 * limit: of hits; 0: they are counted only. choose: go to a hit. submit: Enter, where no hit or proposal is picked.
 * isGrowing: more is to come than what is found now.
 */
export interface QueryFieldProps {
  readonly id: string;
  readonly label: string;
  readonly placeholder: string;
  readonly query: Query;
  readonly limit: number;
  readonly text: string;
  readonly setText: (text: string) => void;
  readonly choose?: (hit: SearchHit) => void;
  readonly submit?: (text: string) => void;
  readonly cancel: () => void;
  readonly isGrowing: boolean;
}

type Item = { readonly proposal: Proposal } | { readonly hit: SearchHit };

/** A field for the search language: it completes as one types (the combobox pattern of ARIA) and says what is wrong. */
export function QueryField(props: QueryFieldProps) {
  const { id, text, setText, query, limit } = props;
  const [answer, setAnswer] = useState<QueryAnswer | null>(null);
  const [picked, setPicked] = useState<number | null>(null);
  const [isOpen, setOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  /** Keys that came before the answer. */
  const early = useRef({ enter: false, steps: 0 });
  const close = () => {
    query.drop();
    early.current = { enter: false, steps: 0 };
    setOpen(false);
    setPicked(null);
  };
  const box = useOutside<HTMLDivElement>(close);
  useEffect(() => () => query.drop(), [query]);

  const items = itemsOf(answer);
  const at = picked ?? firstOf(items);
  const ask = (q: string, cursor: number) => {
    setPicked(null);
    setOpen(true);
    early.current = { enter: false, steps: 0 };
    query.ask(q, cursor, limit, (told) => {
      const { enter: enters, steps } = early.current;
      early.current = { enter: false, steps: 0 };
      const found = itemsOf(told);
      const at = stepped(found, firstOf(found), steps);
      setAnswer(told);
      if (steps !== 0) setPicked(at);
      if (enters) enter(found[at], q);
    });
  };
  const act = (item: Item) => {
    if ("hit" in item) {
      close();
      input.current?.blur();
      props.choose?.(item.hit);
      return;
    }
    if (answer === null) return;
    const { text: said, cursor } = completed(text, answer, item.proposal);
    setText(said);
    input.current?.focus();
    requestAnimationFrame(() => input.current?.setSelectionRange(cursor, cursor));
    ask(said, cursor);
  };
  const enter = (item: Item | undefined, q: string) => {
    if (item !== undefined) act(item);
    else if (props.submit !== undefined) {
      close();
      props.submit(q);
    }
  };
  /** Where so many steps lead; to no choice at all, where Enter means something else. */
  const stepped = (all: readonly Item[], from: number, steps: number) =>
    Math.min(Math.max(from + steps, props.submit ? -1 : 0), all.length - 1);
  const isAnswered = answer?.q === text;
  const walk = (step: number) => {
    if (isAnswered) setPicked(stepped(items, at, step));
    else early.current.steps += step;
  };
  const keys: Record<string, (() => void) | undefined> = {
    ArrowDown: () => (isOpen ? walk(1) : ask(text, text.length)),
    ArrowUp: () => walk(-1),
    Enter: () => {
      if (isAnswered || props.submit !== undefined) enter(isAnswered ? items[at] : undefined, text);
      else early.current.enter = text.trim() !== "";
    },
    Tab: isOpen && picked !== null && items[at] !== undefined ? () => act(items[at] as Item) : undefined,
    Escape: () => {
      close();
      if (!isOpen || text === "") input.current?.blur();
      props.cancel();
    },
  };
  const press = (event: KeyboardEvent) => {
    const pressed = event.shiftKey || event.isComposing ? undefined : keys[event.key];
    if (pressed === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    pressed();
  };
  const shown = isOpen && answer !== null;

  return (
    <div class="query" ref={box}>
      <input
        id={id}
        ref={input}
        type="text"
        role="combobox"
        aria-label={props.label}
        aria-expanded={shown && items.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={shown && items[at] ? `${id}-${at}` : undefined}
        aria-invalid={answer?.fault !== null && answer?.q === text}
        aria-describedby={`${id}-said`}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        placeholder={props.placeholder}
        value={text}
        onInput={({ currentTarget: { value, selectionStart } }) => {
          setText(value);
          ask(value, selectionStart ?? value.length);
        }}
        onFocus={({ currentTarget: { value, selectionEnd } }) => ask(value, selectionEnd ?? value.length)}
        onKeyDown={press}
      />
      <div class="results" hidden={!shown}>
        <div id={`${id}-list`} role="listbox" aria-label={`${props.label}: choices`}>
          {shown &&
            items.map((item, index) => (
              <Choice
                key={"hit" in item ? item.hit.uid : `: ${item.proposal.text}`}
                item={item}
                id={`${id}-${index}`}
                chosen={index === at}
                act={act}
              />
            ))}
        </div>
        <p id={`${id}-said`} role="status">
          {shown && <Said answer={answer} isGrowing={props.isGrowing} limit={limit} />}
        </p>
      </div>
    </div>
  );
}

/** The hit that is selected by default. */
const firstOf = (items: readonly Item[]): number => items.findIndex((item) => "hit" in item);

function itemsOf(answer: QueryAnswer | null): Item[] {
  if (answer === null) return [];
  const hits = answer.hits?.hits ?? [];
  const proposals = answer.proposals.slice(0, hits.length > 0 ? BESIDE_HITS : ALONE);
  return [...proposals.map((proposal) => ({ proposal })), ...hits.map((hit) => ({ hit }))];
}

/** The text with a proposal in it, and where the cursor is then: after a value, a new term may begin. */
function completed(text: string, { start, end }: QueryAnswer, proposal: Proposal) {
  const rest = text.slice(end);
  const isOpen = /[:/]$/.test(proposal.text);
  const said = proposal.text + (isOpen || rest !== "" ? "" : " ");
  return { text: text.slice(0, start) + said + rest, cursor: start + said.length };
}

function Said({ answer, isGrowing, limit }: { answer: QueryAnswer; isGrowing: boolean; limit: number }) {
  if (answer.fault !== null) return <Fault fault={answer.fault} q={answer.q} />;
  if (answer.hits === null) return <>Words, or terms such as kind:deploy ns:shop* status:Error</>;
  const { total, hits } = answer.hits;
  const so = isGrowing ? " so far" : "";
  if (total === 0) return <>{`Nothing is found${so}.`}</>;
  const best = limit > 0 && total > hits.length ? `, the best ${hits.length} are shown` : "";
  return <>{`${total.toLocaleString()} found${so}${best}`}</>;
}

/** What is wrong, and where: the rest of the term is marked in the text. */
function Fault({ fault: { message, at }, q }: { fault: QueryFault; q: string }) {
  const end = at === null ? q.length : at + (/^\S*/.exec(q.slice(at))?.[0].length ?? 0);
  return (
    <span class="fault">
      {at !== null && (
        <code>
          {q.slice(0, at)}
          <mark>{q.slice(at, end) || " "}</mark>
          {q.slice(end)}
        </code>
      )}
      {sentence(message)}
    </span>
  );
}

function Choice(props: { item: Item; id: string; chosen: boolean; act: (item: Item) => void }) {
  const { item, id, chosen, act } = props;
  const scroll = (element: HTMLElement | null) => {
    if (chosen) element?.scrollIntoView({ block: "nearest" });
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the input has the keys, as the combobox pattern wants it
    // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the input
    <div
      id={id}
      role="option"
      aria-selected={chosen}
      data-form={"hit" in item ? "hit" : "proposal"}
      ref={scroll}
      onClick={() => act(item)}
    >
      {"hit" in item ? <Hit hit={item.hit} /> : <Completion proposal={item.proposal} />}
    </div>
  );
}

function Completion({ proposal: { text, description, resources } }: { proposal: Proposal }) {
  return (
    <>
      <code>{text}</code>
      <span class="where">{description ?? (resources === undefined ? "" : resources.toLocaleString())}</span>
    </>
  );
}

function Hit({ hit }: { hit: SearchHit }) {
  const { status, reason, kind, name, cluster, namespace, release } = hit;
  return (
    <>
      <Glyph status={status} label={status} />
      <span class="name">{name}</span>
      <span class="kind">{kind}</span>
      {reason && reason !== status && (
        <span class={`reason ${status.toLowerCase()}`} title={hit.message}>
          {reason}
        </span>
      )}
      <span class="where">{[cluster, namespace, release].filter(Boolean).join(" / ")}</span>
    </>
  );
}
