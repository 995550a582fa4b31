import { useEffect, useState } from "preact/hooks";
import { iconOf, lightOf } from "../state/favicon";
import { isGrowing, isOld, titleOf, verdictOf } from "../state/trust";
import type { Viewer } from "../state/viewer";
import { Banner } from "./banner";
import { Coverage } from "./coverage";
import { Details } from "./details";
import { FilterBar } from "./filter-bar";
import { Header } from "./header";
import { usePage } from "./hooks";
import { MapView } from "./map";
import { Notices } from "./notices";
import { PathBar } from "./path-bar";
import { numberOf, Problems } from "./problems";
import { SignIn } from "./sign-in";

export function App({ viewer }: { viewer: Viewer }) {
  const page = usePage(viewer);
  /** On a small screen one of both is seen. */
  const [side, setSide] = useState<"problems" | "map">("map");
  useEffect(() => {
    const press = (event: KeyboardEvent) => pressed(viewer, event);
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [viewer]);
  const { connection, trust } = page;
  const { clear } = verdictOf(trust, page.view, String);
  const problems = numberOf(page.problems);
  const title = titleOf(trust, clear && problems === 0, problems ?? 0, page.cluster);
  useEffect(() => {
    document.title = title;
  }, [title]);
  const light = lightOf(trust, clear && problems === 0, problems ?? 0);
  useEffect(() => {
    document.querySelector("link[rel=icon]")?.setAttribute("href", iconOf(light));
  }, [light]);
  const locked = connection.state === "locked";
  const focus = page.view.focus;
  useEffect(() => {
    if (focus !== null) setSide("map");
  }, [focus]);
  return (
    <>
      {locked && <SignIn viewer={viewer} lock={connection} />}
      <div
        class="app"
        data-side={side}
        data-details={page.selection !== null}
        data-locked={locked}
        data-old={isOld(trust) && page.loaded}
      >
        <Header viewer={viewer} page={page} />
        <div class="banners">
          <Banner viewer={viewer} page={page} />
          <Coverage coverage={trust.coverage} />
        </div>
        <Problems viewer={viewer} page={page} />
        <main>
          {focus === null ? (
            <FilterBar viewer={viewer} page={page} />
          ) : (
            <PathBar viewer={viewer} page={page} />
          )}
          <MapView viewer={viewer} page={page} />
          <Notices viewer={viewer} page={page} />
        </main>
        <Details viewer={viewer} page={page} />
        <nav class="sides" aria-label="View">
          <button type="button" aria-pressed={side === "problems"} onClick={() => setSide("problems")}>
            Problems{" "}
            <span class="number">
              {problems}
              {page.loaded && isGrowing(trust) && " so far"}
            </span>
          </button>
          <button type="button" aria-pressed={side === "map"} onClick={() => setSide("map")}>
            Map
          </button>
        </nav>
      </div>
    </>
  );
}

/** Keys that mean the same wherever the focus is, but in a field for text. */
function pressed(viewer: Viewer, event: KeyboardEvent): void {
  if (viewer.page.connection.state === "locked") return;
  const typing = event.target instanceof HTMLInputElement && event.target.type !== "checkbox";
  if (event.key === "/" && !typing) {
    event.preventDefault();
    document.getElementById("search")?.focus();
  } else if (event.key === "Escape" && !typing) {
    const { view } = viewer.page;
    if (view.selected !== null) viewer.select(null);
    else if (view.focus !== null) viewer.leaveFocus();
  }
}
