import type { SignInRequired } from "@astrolabe/stream";
import { useEffect, useRef } from "preact/hooks";
import type { Viewer } from "../state/viewer";
import { Logo } from "./logo";
import { sentence } from "./sentence";

const REASONS: Readonly<Record<SignInRequired["why"], string>> = {
  needed: "",
  refused: "This token is not valid. Check that you copied all of it.",
  unreachable: "The server cannot be reached.",
  withdrawn:
    "Your token is no longer valid: it has expired or was withdrawn. Sign in with another one to continue where you were.",
};

/** In place of the page while the server wants a token. */
export function SignIn({ viewer, lock }: { viewer: Viewer; lock: SignInRequired }) {
  const field = useRef<HTMLInputElement>(null);
  const reason = lock.checking ? "" : sentence(lock.reason || REASONS[lock.why]);
  useEffect(() => {
    if (!lock.checking) field.current?.select();
  }, [lock.checking]);
  const submit = (event: Event) => {
    event.preventDefault();
    const token = field.current?.value.trim() ?? "";
    if (token !== "" && !lock.checking) viewer.signIn(token);
  };
  return (
    <div class="sign-in">
      <form aria-labelledby="sign-in" onSubmit={submit}>
        <Logo />
        <h2 id="sign-in">Sign in to Astrolabe</h2>
        <p role="alert" id="sign-in-reason">
          {reason}
        </p>
        <label for="token">Token</label>
        <input
          id="token"
          ref={field}
          type="password"
          required
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          aria-invalid={lock.why === "refused" && !lock.checking}
          aria-describedby="sign-in-reason sign-in-source"
        />
        <p class="hint" id="sign-in-source">
          With your own token of the cluster you see what you may list there:{" "}
          <code>kubectl create token NAME</code> makes one of a service account. Or ask whoever runs Astrolabe
          for a line of its <code>--auth-token-file</code>.
        </p>
        <button type="submit" class="primary" aria-disabled={lock.checking}>
          {lock.checking ? "Signing in…" : "Sign in"}
        </button>
        <p class="hint">The token is sent to this server only and forgotten when you close this tab.</p>
      </form>
    </div>
  );
}
