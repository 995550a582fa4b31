import { useState } from "preact/hooks";

/** A button that copies a text, and says that it has. The clipboard is there on https and localhost only. */
export function Copy({ text, children }: { text: () => string; children: string }) {
  const [done, setDone] = useState("");
  const copy = async () => {
    setDone((await write(text())) ? "Copied" : "Not allowed here");
    setTimeout(() => setDone(""), 1600);
  };
  return (
    <button type="button" class="plain" onClick={copy}>
      <span aria-live="polite">{done || children}</span>
    </button>
  );
}

async function write(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
