"""Any sequence of changes, undo and redo keeps the document whole and finds its way back."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from covstudio.document.build.build import build
from covstudio.document.changes.all import ChangeError
from covstudio.document.changes.auto_layout import auto_layout
from covstudio.document.changes.history import History
from covstudio.document.files.write import dumps, loads
from covstudio.document.model.document import Document, check_forest
from tests.document.document_strategies import changes


class Editing(RuleBasedStateMachine):
    """A person at work: changes, undo, redo, and a simple list of states to compare with."""

    def __init__(self):
        super().__init__()
        self.history = History()
        self.states = [Document()]
        self.place = 0
        self.applied = []

    @rule(data=st.data())
    def change(self, data):
        change = data.draw(changes(self.history.present))
        before = self.history
        try:
            self.history = before.apply(change)
        except ChangeError:
            assert self.history is before
            return
        if self.history is before:
            return
        self.applied.append((before.present, change))
        if not change.undoable:
            for i, state in enumerate(self.states):
                try:
                    self.states[i] = change.apply(state)
                except ChangeError:
                    continue
        elif change.merge_key is not None and change.merge_key == before.merge_key:
            self.states[self.place] = self.history.present
        else:
            self.states[self.place + 1 :] = [self.history.present]
            self.place += 1

    @rule()
    def undo(self):
        assert self.history.can_undo == (self.place > 0)
        self.history = self.history.undo()
        self.place = max(0, self.place - 1)

    @rule()
    def redo(self):
        assert self.history.can_redo == (self.place < len(self.states) - 1)
        self.history = self.history.redo()
        self.place = min(len(self.states) - 1, self.place + 1)

    @rule()
    def undo_all_and_redo_all(self):
        present, steps = self.history.present, len(self.history.past)
        for _ in range(steps):
            self.history = self.history.undo()
        assert self.history.present == self.states[0]
        for _ in range(steps):
            self.history = self.history.redo()
        assert self.history.present == present

    @invariant()
    def the_present_is_the_state_we_stand_at(self):
        assert self.history.present == self.states[self.place]

    @invariant()
    def the_document_is_whole(self):
        check_forest(self.history.present)

    def teardown(self):
        # Changes are functions: applied again to what they were applied to, they give the same.
        for before, change in self.applied[-5:]:
            assert change.apply(before) == change.apply(before)
        document = self.history.present
        assert loads(dumps(document))[0] == document
        tidy = auto_layout(document).apply(document)
        assert tidy.nodes.keys() == document.nodes.keys()
        built = build(document)
        for problem in built.problems:
            assert problem.message
            assert problem.node_id == "V" or problem.node_id in document.nodes
        for node_id, matrix in built.matrices.items():
            assert len(built.naturals(node_id, document)) == matrix.num_params
            assert built.sizes[node_id] == matrix.shape


TestEditing = Editing.TestCase
TestEditing.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
