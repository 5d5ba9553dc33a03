"""Undo and redo."""

import pytest

from covstudio.document.changes.all import ChangeError, Rename, SetParameters, SetRoles, SetTitle
from covstudio.document.changes.history import MAX_STEPS, History
from tests.document.document_models import add


def history(*changes):
    found = History()
    for change in changes:
        found = found.apply(change)
    return found


def drag(value, key="drag 1"):
    return SetParameters({("n1", "rho"): value}, merge_key=key)


def test_undo_and_redo():
    found = history(add("AR1Matrix"), Rename("n1", "time"), SetTitle("Oats"))
    assert (found.can_undo, found.can_redo) == (True, False)
    assert found.undo_label == "Set the title"
    back = found.undo().undo()
    assert back.present.nodes["n1"].name == "AR1"
    assert (back.undo_label, back.redo_label) == ("Add First-order autoregressive", "Rename AR1")
    assert back.redo().redo().present == found.present
    assert back.redo().redo().redo().present == found.present


def test_nothing_to_undo():
    empty = History()
    assert (empty.can_undo, empty.can_redo, empty.undo_label, empty.redo_label) == (False, False, "", "")
    assert empty.undo() is empty
    assert empty.redo() is empty


def test_a_new_step_drops_the_future():
    found = history(add("AR1Matrix"), SetTitle("a")).undo().apply(SetTitle("b"))
    assert not found.can_redo


def test_a_drag_is_one_step():
    found = history(add("AR1Matrix"), drag(0.1), drag(0.2), drag(0.3))
    assert found.present.nodes["n1"].values == {"rho": 0.3}
    assert found.undo().present.nodes["n1"].values == {}
    assert found.undo().undo().present.nodes == {}


def test_two_drags_are_two_steps():
    found = history(add("AR1Matrix"), drag(0.1), drag(0.2), drag(0.5, "drag 2"))
    assert found.undo().present.nodes["n1"].values == {"rho": 0.2}
    found = history(add("AR1Matrix"), drag(0.1), SetTitle("x"), drag(0.2))
    assert found.undo().undo().present.nodes["n1"].values == {"rho": 0.1}


def test_a_drag_does_not_join_a_step_that_was_undone():
    found = history(add("AR1Matrix"), drag(0.1), drag(0.2)).undo().apply(drag(0.4))
    assert found.undo().present.nodes["n1"].values == {}
    found = history(add("AR1Matrix"), drag(0.1)).undo().redo().apply(drag(0.4))
    assert found.undo().present.nodes["n1"].values == {"rho": 0.1}


def test_what_changes_nothing_is_no_step():
    found = history(add("AR1Matrix"), SetTitle("a")).undo()
    assert found.apply(SetTitle("Untitled model")) is found
    assert found.apply(Rename("n1", "AR1")).can_redo


def test_a_change_that_is_not_undoable_reaches_past_and_future():
    found = history(add("AR1Matrix"), SetTitle("a"), SetTitle("b")).undo()
    found = found.apply(SetRoles({"gen": "factor"}, undoable=False))
    assert found.present.title == "a"
    assert found.can_redo
    assert found.redo().present.roles == {"gen": "factor"}
    assert found.undo().undo().present.roles == {"gen": "factor"}
    # Where it does not fit, the past stays as it was.
    renamed = history(add("AR1Matrix")).apply(Rename("n1", "time", undoable=False))
    assert renamed.undo().present.nodes == {}


def test_a_refused_change_leaves_the_history():
    found = history(add("AR1Matrix"), SetTitle("a")).undo()
    with pytest.raises(ChangeError):
        found.apply(Rename("n7", "x"))
    assert found.can_redo


def test_the_past_is_limited():
    found = History()
    for number in range(MAX_STEPS + 20):
        found = found.apply(SetTitle(str(number)))
    assert len(found.past) == MAX_STEPS
