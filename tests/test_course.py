"""The exercise machinery: what a learner sees for every kind of answer, in both modes, in a notebook and outside."""

import html.parser
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from simswap_lib import course, files
from simswap_lib.course import session, show, start
from simswap_lib.course.exercise import Exercise, Mutant, call, require, signatures_of
from simswap_lib.course.grading import grade


def double(x):
    """The reference of the toy exercise."""
    return 2 * x


class Scale(nn.Module):
    """The reference of the toy exercise on classes."""

    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        return self.weight * x


def gives_a_tensor(answer):
    """gives a tensor of the same shape"""
    call(answer, shape=(2, 3), x=torch.randn(2, 3))


def doubles(answer):
    """doubles every number"""
    x = torch.randn(2, 3)
    require(torch.allclose(call(answer, x=x), 2 * x), "That is not twice x.")


def scales(answer):
    """multiplies by its weight"""
    x = torch.randn(2, 3)
    require(torch.allclose(call(answer(3), shape=(2, 3), x=x), x), "Ones should change nothing.")


TOY = Exercise(
    id="98.1", title="Doubling", reference=double, checks=(gives_a_tensor, doubles), hints=("Twice.", "2 * x"),
    mutants=(Mutant(lambda x: x, "doubles", "twice"), Mutant(lambda x: x[0], "gives_a_tensor", "shape")),
    why="Two of everything.", mistakes=(("Adding 2.", "zero becomes 2."), ("Squaring.", "1 stays 1.")),
    minutes=1, difficulty=1,
)  # fmt: skip
CLASS = Exercise(
    id="98.2", title="Scaling", reference=Scale, checks=(scales,), hints=("Multiply.",), mutants=(),
    why="", mistakes=(), minutes=1, difficulty=1,
)  # fmt: skip


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    """A fresh session with two toy exercises, in learner mode."""
    monkeypatch.setattr(session, "exercises", lambda: {"98.1": TOY, "98.2": CLASS})
    monkeypatch.delenv("SIMSWAP_MODE", raising=False)
    session.forget()
    yield
    session.forget()


def wrong(message):
    """A function that fails as told, for the parametrised tests below."""

    def answer(x):
        raise message

    return answer


class TestVerdict:
    def test_a_right_answer_is_returned_and_used(self, capsys):
        def double(x):
            return x + x

        assert session.check("98.1", double) is double
        out = capsys.readouterr().out
        assert "3 of 3 checks pass" in out and "uses YOUR `double`" in out
        assert session.in_use("98.1") == "yours"

    def test_a_wrong_answer_gives_way_to_the_reference(self, capsys):
        def double(x):
            return x + 2

        assert session.check("98.1", double) is TOY.reference
        out = capsys.readouterr().out
        assert "PASS  gives a tensor" in out and "FAIL  doubles" in out and "That is not twice x." in out
        assert "uses the course's `double`" in out and 'hint("98.1")' in out
        assert session.in_use("98.1") == "the course's"

    def test_only_the_first_failure_is_explained(self):
        verdict = grade(TOY, lambda x: x[:1])
        assert [row.passed for row in verdict.rows] == [True, False, False]
        assert verdict.message == verdict.rows[1].message and "shape (1, 3)" in verdict.message
        assert "not twice" not in str(show.verdict(verdict, ""))

    def test_a_fix_undoes_a_failure_and_a_break_undoes_a_pass(self):
        session.check("98.1", lambda x: x)
        session.check("98.1", lambda x: 2 * x)
        assert session.in_use("98.1") == "yours"
        session.check("98.1", lambda x: x)
        assert session.in_use("98.1") == "the course's"

    def test_the_stub_is_not_attempted(self, capsys):
        def double(x):
            raise NotImplementedError

        assert session.check("98.1", double) is TOY.reference
        out = capsys.readouterr().out
        assert "not attempted" in out and "FAIL" not in out

    def test_a_class_stub_is_not_attempted(self):
        class Scale(nn.Module):
            def __init__(self, size):
                super().__init__()

            def forward(self, x):
                raise NotImplementedError

        assert grade(CLASS, Scale).status == "not attempted"

    def test_a_blank_in_init_is_not_attempted_either(self, capsys):
        class Scale(nn.Module):
            def __init__(self, size):
                super().__init__()

            def forward(self, x):
                return self.weight * x  # written, but __init__ is not

        assert grade(CLASS, Scale).status == "failed"

        class Scale(nn.Module):
            def __init__(self, size):
                super().__init__()
                raise NotImplementedError

            def forward(self, x):
                return self.weight * x

        assert grade(CLASS, Scale).message == "`__init__` still raises NotImplementedError."

    def test_a_forgotten_last_line_of_the_stub_does_no_harm(self):
        def double(x):
            return 3 * x
            raise NotImplementedError

        assert grade(TOY, double).status == "failed"

    def test_the_reference_is_refused(self, capsys):
        assert session.check("98.1", TOY.reference) is TOY.reference
        assert "course's own version" in capsys.readouterr().out
        assert session.in_use("98.1") == "the course's"

    def test_a_subclass_of_the_reference_is_refused(self, capsys):
        session.check("98.2", type("Mine", (Scale,), {}))
        assert "nothing to check" in capsys.readouterr().out

    def test_running_the_check_again_alone_keeps_a_pass(self):
        passed = session.check("98.1", lambda x: 2 * x)
        session.check("98.1", TOY.reference)
        assert passed is not TOY.reference and session.in_use("98.1") == "yours"

    def test_checks_repeat_and_leave_the_readers_random_numbers_alone(self):
        torch.manual_seed(3)
        expected = torch.rand(2)
        torch.manual_seed(3)
        grade(TOY, lambda x: torch.randn(2, 3))
        assert torch.equal(torch.rand(2), expected)


class BadWords(Exception):
    def __str__(self):
        raise RuntimeError("even the message is broken")


class TestNothingRaisesInLearnerMode:
    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (lambda x: None, "return"),
            (lambda x: (x, x), "returned a tuple"),
            (lambda x: 3.0, "returned a float"),
            (lambda x: x.numpy(), ".numpy() to leave out"),
            (lambda x: x.mean(), "has shape ()"),
            (lambda x: x.int(), "torch.int32"),
            (lambda x: x / 0, "nan or infinity"),
            (lambda x: x.mul_(2), "in place"),
            (lambda x: x.unsqueeze_(0)[0] * 2, "in place"),
            (lambda: 1, "takes ()"),
            (lambda y: 2 * y, "takes (y)"),
            (lambda x, y: x, "takes (x, y)"),
            (wrong(ValueError("odd")), "ValueError: odd"),
            (wrong(KeyError("k")), "KeyError"),
            (wrong(SystemExit(1)), "SystemExit"),
            (wrong(BadWords()), "BadWords"),
            (wrong(AssertionError()), "AssertionError"),
            (lambda x: double_forever(x), "RecursionError"),
            (lambda x: x @ x, "It was called with x (2, 3)"),
            (None, "given a NoneType"),
            (torch.zeros(2), "given a Tensor"),
            (3, "given a int"),
            ("double", "given a str"),
            (Scale, "given a class"),
            (Scale(3), "takes (args, kwargs)"),
            (print, "takes"),
        ],
    )
    def test_functions(self, answer, words, capsys):
        assert session.check("98.1", answer) is TOY.reference
        out = capsys.readouterr().out
        assert words in out and "FAIL" in out

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({"__init__": lambda self, size: None, "forward": lambda self, x: x}, "AttributeError"),
            ({"__init__": lambda self, size: nn.Module.__init__(self), "forward": lambda self, x: None}, "return"),
            ({"__init__": lambda self, size: nn.Module.__init__(self), "forward": lambda self: 1}, "takes ()"),
            ({"__init__": lambda self: nn.Module.__init__(self), "forward": lambda self, x: x}, "takes ()"),
            ({"__init__": lambda self, size: nn.Module.__init__(self)}, "takes"),
        ],
    )
    def test_classes(self, body, words, capsys):
        assert session.check("98.2", type("Mine", (nn.Module,), body)) is Scale
        assert words in capsys.readouterr().out

    @pytest.mark.parametrize("answer", [double, lambda x: x, type("Plain", (), {}), None])
    def test_not_a_module(self, answer, capsys):
        assert session.check("98.2", answer) is Scale
        out = capsys.readouterr().out
        assert "nn.Module" in out

    def test_the_line_that_raised_is_quoted(self):
        def double(x):
            y = x.reshape(7)
            return y

        message = grade(TOY, double).message
        assert "y = x.reshape(7)" in message and "in double" in message and "x (2, 3)" in message

    def test_pytorchs_own_notimplementederror_is_a_failure(self):
        def double(x):
            return torch.nn.Module()(x)

        verdict = grade(TOY, double)
        assert verdict.status == "failed" and "NotImplementedError" in verdict.message

    def test_printing_is_kept_short_and_apart(self, capsys):
        def double(x):
            for i in range(50):
                print("\x00\ud800 <b>noise</b>", i)
            return 2 * x

        assert session.check("98.1", double) is double
        out = capsys.readouterr().out
        assert out.count("noise") == 10 and "and 90 more lines" in out
        assert "<b>noise" not in show.verdict(grade(TOY, double), "").html

    def test_an_unknown_exercise(self, capsys):
        mine = object()
        assert session.check("12.3", mine) is mine
        assert "There are: 98.1, 98.2" in capsys.readouterr().out

    def test_ctrl_c_still_works(self):
        with pytest.raises(KeyboardInterrupt):
            session.check("98.1", wrong(KeyboardInterrupt()))


def double_forever(x):
    return double_forever(x)


class TestModes:
    def test_solution_mode_fills_every_blank(self, monkeypatch, capsys):
        monkeypatch.setenv("SIMSWAP_MODE", "solution")
        assert session.check("98.1", lambda x: 2 * x) is TOY.reference
        assert "SIMSWAP_MODE is solution" in capsys.readouterr().out
        assert session.in_use("98.1") == "the course's"

    def test_solution_mode_raises_if_the_reference_fails(self, monkeypatch):
        monkeypatch.setenv("SIMSWAP_MODE", "solution")
        broken = replace(TOY, reference=lambda x: x)
        monkeypatch.setattr(session, "exercises", lambda: {"98.1": broken})
        with pytest.raises(AssertionError, match="not twice x"):
            session.check("98.1", double)

    def test_solution_mode_raises_for_an_unknown_exercise(self, monkeypatch):
        monkeypatch.setenv("SIMSWAP_MODE", "solution")
        with pytest.raises(KeyError, match="98.1"):
            session.check("12.3", double)

    def test_mutant_mode_puts_one_wrong_answer_in(self, monkeypatch, capsys):
        monkeypatch.setenv("SIMSWAP_MODE", "mutant:98.1:2")
        assert session.check("98.1", double) is TOY.mutants[1].answer
        assert session.check("98.2", Scale) is Scale
        assert "wrong answer number 2" in capsys.readouterr().out
        assert session.in_use("98.1", "98.2") == "double: wrong answer 2, Scale: the course's"

    @pytest.mark.parametrize(
        "value", ["", "teacher", "mutant", "mutant:98.1", "mutant:98.1:0", "mutant:98.1:3", "mutant:1:1"]
    )
    def test_an_unknown_mode_is_an_error_that_names_the_choices(self, monkeypatch, value):
        monkeypatch.setenv("SIMSWAP_MODE", value)
        with pytest.raises(ValueError, match="learner, solution, or mutant"):
            session.check("98.1", double)


class TestHintsSolutionsProgress:
    def test_hints_come_in_steps(self, capsys):
        session.hint("98.1")
        first = capsys.readouterr().out
        session.hint("98.1", 2)
        second = capsys.readouterr().out
        assert "Hint 1 of 2" in first and "Twice." in first and "2 * x" not in first and 'hint("98.1", 2)' in first
        assert "Hint 2 of 2" in second and 'solution("98.1")' in second

    @pytest.mark.parametrize("number", [0, 3, -1, "two", None])
    def test_a_hint_that_is_not_there(self, number, capsys):
        session.hint("98.1", number)
        assert "hints 1 to 2" in capsys.readouterr().out

    def test_solution_shows_the_librarys_source_and_the_mistakes(self, capsys):
        session.solution("98.1")
        out = capsys.readouterr().out
        assert (
            "return 2 * x" in out and "Two of everything." in out and "zero becomes 2." in out and "1 stays 1." in out
        )

    @pytest.mark.parametrize("function", [session.hint, session.solution])
    def test_unknown_ids_are_said_in_words(self, function, capsys):
        function("12.3")
        assert "There is no exercise '12.3'" in capsys.readouterr().out

    def test_progress_counts_and_says_where_it_is_kept(self, capsys):
        session.check("98.1", lambda x: x)
        session.check("98.1", lambda x: 2 * x)
        session.check("98.2", wrong(NotImplementedError()))
        capsys.readouterr()
        session.progress()
        out = capsys.readouterr().out
        row = next(line for line in out.splitlines() if line.startswith("98.1"))
        assert row.split() == ["98.1", "Doubling", "1", "min", "passed", "2", "yours"]
        assert "1 of 2 done." in out and "on this machine only" in out and "progress.json" in out

    def test_progress_outlives_the_kernel(self, capsys):
        session.check("98.1", lambda x: x)
        session.forget()  # as a restart does
        session.progress()
        assert "failed before" in capsys.readouterr().out
        session.check("98.1", lambda x: 2 * x)
        session.forget()

        def double(x):
            raise NotImplementedError

        session.check("98.1", double)  # the page is run again, the blank still blank
        capsys.readouterr()
        session.progress()
        out = capsys.readouterr().out
        row = next(line for line in out.splitlines() if line.startswith("98.1"))
        assert "passed before" in row and "the course's" in row and "1 of 2 done." in out

    @pytest.mark.parametrize("held", ["", "{", "[1]", '{"98.1": 3}', '{"98.1": {"passed": true}}'])
    def test_a_damaged_file_counts_as_none(self, held, capsys, tmp_path):
        (tmp_path / "progress.json").write_text(held)
        session.progress()
        assert "0 of 2 done." in capsys.readouterr().out
        session.check("98.1", lambda x: 2 * x)
        session.forget()
        session.progress()
        assert "1 of 2 done." in capsys.readouterr().out

    def test_where_nothing_can_be_written_the_course_goes_on(self, capsys, monkeypatch, tmp_path):
        (tmp_path / "file").write_text("in the way")
        for value in (str(tmp_path / "file" / "progress.json"), ""):
            monkeypatch.setenv("SIMSWAP_PROGRESS", value)
            session.forget()
            session.check("98.1", lambda x: 2 * x)
            session.progress()
            assert "1 of 2 done." in capsys.readouterr().out

    def test_progress_of_one_lesson(self, capsys, monkeypatch):
        other = replace(TOY, id="97.1", title="Other")
        monkeypatch.setattr(session, "exercises", lambda: {"97.1": other, "98.1": TOY})
        session.open_lesson("97")
        session.progress()
        assert "98.1" not in capsys.readouterr().out
        session.progress("all")
        assert "98.1" in capsys.readouterr().out
        session.progress("55")
        assert "no exercises in lesson" in capsys.readouterr().out


class Tags(html.parser.HTMLParser):
    """Raises for tags that do not pair up."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


class TestPages:
    def test_a_verdict_is_a_live_region_that_says_it_in_words(self):
        page = show.verdict(grade(TOY, lambda x: x + 1), "In `use`.").html
        tags = Tags(page)
        assert ("div", "status") in [(tag, a.get("role")) for tag, a in tags.seen]
        assert "FAIL" in page and "PASS" in page and "<code>use</code>" in page

    def test_what_the_learner_wrote_is_escaped(self):
        page = show.verdict(grade(TOY, wrong(ValueError("<script>alert(1)</script>"))), "").html
        assert "<script>" not in page
        Tags(page)

    def test_folded_parts_stay_closed(self):
        message = show.folded("Solution", [("pre", "a < b"), ("p", "why `a`")])
        assert [tag for tag, _ in Tags(message.html).seen][:2] == ["details", "summary"]
        assert "a &lt; b" in message.html and "a < b" in message.text

    def test_in_a_notebook_both_forms_are_sent(self):
        pytest.importorskip("IPython")
        # In a process of its own: a shell changes the hooks of the whole interpreter.
        program = """
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance()
shell.display_formatter.active_types = shell.display_formatter.format_types  # as a kernel does
from simswap_lib.course import show
with capture_output() as captured:
    show.show(show.note("a `word`"))
(output,) = captured.outputs
assert "<code>word</code>" in output.data["text/html"], output.data
assert output.data["text/plain"] == "a `word`", output.data
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


class TestSetup:
    @pytest.fixture
    def data(self, tmp_path, monkeypatch):
        monkeypatch.setattr(files, "DATA", tmp_path)
        monkeypatch.setitem(start.NEEDS, "98", ("weights/toy",))
        (tmp_path / "weights" / "toy").mkdir(parents=True)
        return tmp_path / "weights" / "toy"

    def test_seeds_and_says_what_runs(self, data, capsys):
        (data / "README.md").write_text("a card")
        device = course.setup("98")
        first = torch.rand(3)
        course.setup("98")
        assert torch.equal(torch.rand(3), first) and device.type in ("cpu", "cuda")
        out = capsys.readouterr().out.splitlines()
        assert len(out) == 2 and torch.__version__ in out[0] and "seed 98" in out[0] and "learner mode" in out[0]

    def test_missing_data_is_one_friendly_sentence(self, data):
        with pytest.raises(FileNotFoundError, match="git checkout") as caught:
            course.setup("98")
        assert caught.value._render_traceback_() == [str(caught.value)]

    def test_damaged_weights_are_noticed(self, data):
        (data / "model.safetensors").write_bytes(b"1234")
        (data / "config.json").write_text('{"sha256": "0000"}')
        with pytest.raises(FileNotFoundError, match="damaged"):
            course.setup("98")

    @pytest.mark.parametrize("lesson", [4, "four", ""])
    def test_lessons_have_numbers_as_text(self, lesson):
        with pytest.raises(ValueError, match="number as text"):
            course.setup(lesson)


def test_works_without_ipython():
    program = (
        "import sys; sys.modules['IPython'] = None\n"
        "from simswap_lib.course import show\n"
        "show.show(show.note('plain words'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "plain words"


def test_signatures_leave_self_out():
    assert signatures_of(double) == {"": ("x",)}
    assert signatures_of(Scale) == {"__init__": ("size",), "forward": ("x",)}


def test_more_arguments_do_no_harm_if_they_may_be_left_out():
    def with_eps(x, eps=1e-8):
        return 2 * x

    def with_anything(x, *more, **named):
        return 2 * x

    def with_factor(x, factor):
        return factor * x

    class Eps(Scale):
        def __init__(self, size, eps=1e-8):
            super().__init__(size)

    assert grade(TOY, with_eps).passed and grade(TOY, with_anything).passed and grade(CLASS, Eps).passed
    assert "takes (x, factor); expected (x)" in grade(TOY, with_factor).message


def test_a_default_that_got_lost_comes_back(monkeypatch):
    def power(x, exponent=2):
        return x**exponent

    def squares(answer):
        """squares"""
        require(bool((call(lambda x: answer(x, 2), x=torch.ones(2)) == 1).all()), "No square.")

    raised = replace(TOY, reference=power, checks=(squares,))
    monkeypatch.setattr(session, "exercises", lambda: {"98.1": raised})

    def mine(x, exponent):
        return torch.pow(x, exponent)

    assert session.check("98.1", mine)(torch.tensor(3.0)) == 9
