import { afterEach, describe, expect, it, vi } from "vitest";
import { Session } from "../../src/state/session";

afterEach(() => vi.unstubAllGlobals());

/** A sessionStorage with these entries; what it holds. */
function storage(entries: Record<string, string> = {}): Map<string, string> {
  const held = new Map(Object.entries(entries));
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => held.get(key) ?? null,
    setItem: (key: string, value: string) => held.set(key, value),
    removeItem: (key: string) => held.delete(key),
  });
  return held;
}

describe("a session", () => {
  it("keeps its token for the next page of this tab, until it is forgotten", () => {
    const held = storage();
    const session = new Session();
    expect(session.token).toBeNull();
    session.keep("open-sesame");
    expect(new Session().token).toBe("open-sesame");
    session.forget();
    expect([session.token, new Session().token, held.size]).toEqual([null, null, 0]);
  });

  it("has what it was given, also where storage is forbidden", () => {
    const forbid = () => {
      throw new DOMException("denied", "SecurityError");
    };
    vi.stubGlobal("sessionStorage", { getItem: forbid, setItem: forbid, removeItem: forbid });
    const session = new Session();
    session.keep("open-sesame");
    expect(session.token).toBe("open-sesame");
    session.forget();
    expect(session.token).toBeNull();
  });
});
