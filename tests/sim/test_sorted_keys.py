from __future__ import annotations

from astrolabe.sim.sorted_keys import SortedKeys


def test_keeps_its_order_through_changes() -> None:
    keys = SortedKeys(["a/b", "a/d", "b/a"])
    keys.add("a/c")
    keys.remove("a/b")
    assert keys.within("") == ["a/c", "a/d", "b/a"]
    assert (len(keys), keys[0]) == (3, "a/c")


def test_a_namespace_range_excludes_namespaces_with_the_same_prefix() -> None:
    keys = SortedKeys(["shop-2/a", "shop/a", "shop/b", "shop1/a"])
    assert keys.within("shop") == ["shop/a", "shop/b"]
    assert keys.within("shop", "a\0") == ["shop/b"]
    assert keys.within("", "shop/a\0") == ["shop/b", "shop1/a"]
    assert keys.within("absent") == []


def test_a_changed_copy_leaves_the_original() -> None:
    keys = SortedKeys(["a", "b", "c"])
    changed = keys.changed({"a": False, "b": True, "d": True, "x": False})
    assert changed.within("") == ["b", "c", "d"]
    assert keys.within("") == ["a", "b", "c"]
