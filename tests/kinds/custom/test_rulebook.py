"""The book of rules: those that ship, and those of a directory over them."""

from pathlib import Path

from astrolabe.graph.state.identity import GroupKind
from astrolabe.kinds.custom.rulebook import RuleBook

WIDGET = GroupKind("example.com", "Widget")
CERTIFICATE = GroupKind("cert-manager.io", "Certificate")


def test_a_users_rule_replaces_the_one_that_ships(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("kind: Certificate.cert-manager.io\nlayer: policy\n---\nkind: Widget.example.com\n")
    book, errors = RuleBook.load(str(tmp_path))
    assert errors == ()
    certificate, widget = book.find(CERTIFICATE), book.find(WIDGET)
    assert certificate is not None
    assert widget is not None
    assert (certificate.source, certificate.layer, widget.line) == (str(file), "policy", 4)
    assert len(book) == len(RuleBook.shipped()) + 1


def test_a_refused_file_leaves_the_old_rules_in_place(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: Widget.example.com\nlayer: policy\n")
    before = RuleBook.load(str(tmp_path)).book
    (tmp_path / "a.yaml").write_text("kind: Widget.example.com\nlayer: nowhere\n")
    (tmp_path / "b.yaml").write_text("kind: Gadget.example.com\n")
    (tmp_path / "notes.txt").write_text("no rule")
    book, errors = RuleBook.load(str(tmp_path), before)
    assert [str(error).partition(" cannot")[0] for error in errors] == [f"{tmp_path / 'a.yaml'}:2: layer"]
    kept, new = book.find(WIDGET), book.find(GroupKind("example.com", "Gadget"))
    assert kept is not None
    assert (kept.layer, new is not None) == ("policy", True)


def test_an_unreadable_directory_leaves_the_old_rules_in_place(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: Widget.example.com\n")
    before = RuleBook.load(str(tmp_path)).book
    (tmp_path / "a.yaml").unlink()
    tmp_path.rmdir()
    book, (error,) = RuleBook.load(str(tmp_path), before)
    assert "cannot be read" in str(error)
    assert book.find(WIDGET) is not None


def test_a_kind_of_any_group() -> None:
    found = RuleBook.shipped().find(GroupKind("aws.upbound.io", "ProviderConfig"))
    assert found is not None
    assert found.source == "astrolabe/kinds/rules/crossplane.io.yaml"
    assert RuleBook.shipped().find(GroupKind("", "ProviderConfig")) is None
