import { lasting } from "../cluster/time";
import type { Page, Viewer } from "../state/viewer";
import type { Connection } from "../stream/client";
import { useNow } from "./hooks";

/** Whether what is seen is what is. */
export function ConnectionState({ viewer, page }: { viewer: Viewer; page: Page }) {
  const now = useNow(1_000);
  const { connection } = page;
  const position = viewer.position;
  const title =
    position === null ? "Nothing received yet" : `Epoch ${position.epoch}, change ${position.seq}`;
  return (
    <div class="connection" data-state={connection.state} title={title}>
      <p role="status">
        <span class="lamp" aria-hidden="true" />
        {WORDS[connection.state]}
      </p>
      {connection.state === "disconnected" && (
        <>
          <span class="for">{lasting(connection.since, now)}</span>
          <button type="button" class="link" onClick={() => viewer.retry()}>
            Retry
          </button>
        </>
      )}
    </div>
  );
}

const WORDS: Readonly<Record<Connection["state"], string>> = {
  connecting: "Connecting",
  "catching-up": "Catching up",
  live: "Live",
  disconnected: "Disconnected",
  refused: "Refused",
  locked: "Locked",
};
