import type { CallingUser, UserCoverage } from "@astrolabe/stream";
import type { Page } from "../state/page";
import type { Viewer } from "../state/viewer";

/** As many names as a line has room for. */
const NAMED = 4;

/** Says what the user may not see. No number on the page includes it. */
export function Coverage({ coverage }: { coverage: UserCoverage | null }) {
  if (coverage === null) return null;
  const { hidden, limited, namespaces, complete } = coverage;
  return (
    <section class="banner" data-trust="coverage" aria-label="What you may see">
      <details>
        <summary>
          {limited.length > 0 && (
            <>
              <strong>
                Only in the namespace{namespaces.length === 1 ? "" : "s"} {some(namespaces)}:
              </strong>{" "}
              {some(limited)}.
            </>
          )}
          {hidden.length > 0 && (
            <>
              {limited.length > 0 && " "}
              <strong>Not visible to you:</strong> {some(hidden)}.
            </>
          )}
          {complete === false && " Astrolabe is still asking in which namespaces you may see more."}
        </summary>
        <dl>
          {limited.length > 0 && <dt>In {namespaces.join(", ")} only</dt>}
          {limited.length > 0 && <dd>{limited.join(", ")}</dd>}
          {hidden.length > 0 && <dt>Not at all</dt>}
          {hidden.length > 0 && <dd>{hidden.join(", ")}</dd>}
        </dl>
        <p>
          You see here what you may <code>list</code> in Kubernetes. Statuses, problems and numbers are made
          of that alone. Ask whoever runs the cluster for a role that lets you see more.
        </p>
      </details>
    </section>
  );
}

/** `Node, Secret and 12 more`. */
function some(names: readonly string[]): string {
  if (names.length <= NAMED + 1) return names.join(", ");
  return `${names.slice(0, NAMED).join(", ")} and ${names.length - NAMED} more`;
}

/** The user's name, and the button to sign out. */
export function Account({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { user, signedIn } = page;
  return (
    <>
      {user !== null && (
        <span class="user" title={titleOf(user)}>
          {user.name}
        </span>
      )}
      {signedIn && (
        <button type="button" class="plain" onClick={() => viewer.signOut()}>
          Sign out
        </button>
      )}
    </>
  );
}

/** The name, which may be cut, and the groups, which decide what the user may see. */
const titleOf = ({ name, groups }: CallingUser): string =>
  groups.length === 0 ? name : `${name}\nGroups: ${groups.join(", ")}`;
