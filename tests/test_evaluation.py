"""Cases, rows, groups and tables, framed by swappers whose score is known beforehand."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from simswap_lib import evaluation
from simswap_lib.evaluation import Protocol, cases, error_inside, evaluate, report, retrieval
from simswap_lib.models import weights
from simswap_lib.models.arcface import ArcFace, ArcFaceConfig
from simswap_lib.models.attributes import Attributes, AttributesConfig
from simswap_lib.models.generator import Generator, GeneratorConfig
from simswap_lib.world.people import HELD_OUT

SMALL = Protocol(swaps=6, gallery=4, size=32)


def recogniser(seed: int) -> ArcFace:
    torch.manual_seed(seed)
    return ArcFace(ArcFaceConfig(image_size=32, width=4, blocks=(1, 1), embedding_dim=16)).eval()


def reader() -> Attributes:
    torch.manual_seed(4)
    return Attributes(AttributesConfig(("jawOpen", "eyeWideLeft"), image_size=32, width=4, blocks=(1, 1))).eval()


class Swapper:
    """Stands in for a FaceSwapper; `answer` makes the results."""

    def __init__(self, answer):
        self.generator = Generator(GeneratorConfig(image_size=32, width=2, downs=1, blocks=1, identity_dim=16))
        self.recogniser, self.swap_aligned = recogniser(1), answer


class TestCases:
    def test_the_truth_shares_its_frame_with_the_target_and_its_face_with_the_source(self):
        pictures = cases(SMALL)
        assert pictures.target.shape == pictures.truth.shape == (6, 32, 32, 3) and pictures.gallery.shape[0] == 4
        # The background is the shot's, whoever is in it (compression blurs the border); the face is not.
        outside = 1 - pictures.mask
        same = error_inside(pictures.target, pictures.truth, outside)
        another = error_inside(pictures.target, np.roll(pictures.truth, 1, axis=0), outside)
        assert (same < 0.5 * another).all()
        assert (same < error_inside(pictures.target, pictures.truth, pictures.mask)).all()
        assert (error_inside(pictures.target, pictures.truth, pictures.mask) > 1).all()
        assert pictures.mask.min() >= 0 and pictures.mask.max() <= 1
        assert pictures.labels.tolist() == [0, 1, 2, 3, 0, 1] and pictures.owners.tolist() == [0, 1, 2, 3]
        assert ((pictures.outside > 0) <= (pictures.face < 1)).all()
        assert (pictures.mask * pictures.outside).max() < 0.1
        # Most of what lies outside is the shot's; the rest, neck and ears, is the person's.
        assert (pictures.unchanged <= pictures.outside).all()
        assert 0.3 < pictures.unchanged.sum() / pictures.outside.sum() < 0.95
        assert (error_inside(pictures.target, pictures.truth, pictures.unchanged) < 4).all()
        assert (pictures.mask <= pictures.face).all()
        assert not any(np.array_equal(picture, pictures.gallery[i]) for picture, i in
                       zip(pictures.source, pictures.labels, strict=True))  # fmt: skip

    def test_every_target_is_another_picture_and_the_seed_decides(self):
        first, second = cases(SMALL), cases(Protocol(6, 4, 32, seed=1))
        assert len(np.unique(first.target.reshape(6, -1), axis=0)) == 6
        assert not np.array_equal(first.target, second.target)
        assert np.array_equal(first.target, cases(SMALL).target)

    def test_only_held_out_people_and_shots(self, monkeypatch):
        people, shots = [], []
        for name, seen in (("Identity", people), ("Shot", shots)):
            sample = getattr(evaluation, name).sample
            spy = SimpleNamespace(sample=lambda seed, sample=sample, seen=seen: (seen.append(seed), sample(seed))[1])
            monkeypatch.setattr(evaluation, name, spy)
        cases(SMALL)
        assert len(people) == 4 and shots and min(people + shots) >= HELD_OUT

    def test_what_is_known_of_the_target_is_its_shot_and_of_the_source_its_groups(self):
        from simswap_lib.world import Identity, Shot

        pictures = cases(SMALL)
        shots = [Shot.sample(seed) for seed in range(HELD_OUT, HELD_OUT + 400) if seed % 100 in (2, 3)]
        poses = [(shot.yaw, shot.pitch, *shot.gaze) for shot in shots]
        for pose, gaze in zip(pictures.known.pose, pictures.known.gaze, strict=True):
            assert (pose[0], pose[1], *gaze) in poses
        assert pictures.known.actions.shape == (6, 52)
        assert pictures.people == tuple(Identity.sample(HELD_OUT + i).labels for i in pictures.labels.tolist())

    @pytest.mark.parametrize("wrong", [{"gallery": 1}, {"swaps": 0}, {"gallery": 401}, {"gallery": 2, "swaps": 197}])
    def test_impossible_protocols_are_errors(self, wrong):
        with pytest.raises(ValueError, match="Expected a gallery"):
            Protocol(**{"swaps": 6, "gallery": 4, **wrong})


@pytest.fixture(scope="module")
def result():
    """The evaluation of a swapper that gives the target back."""
    return evaluate(Swapper(lambda source, target: target), recogniser(2), swaps=6, gallery=4, attributes=reader())


class TestEvaluate:
    def test_a_swapper_that_changes_nothing_scores_as_the_copy(self, result):
        for table in ("rows", "one_colour"):
            rows = result[table]
            assert rows["swap"] == rows["copy of the target"]
            assert rows["swap"]["error_over_copy"] == 1.0 and rows["swap"]["error"] > 0
            assert rows["swap"]["ssim"] < 0.9 and rows["swap"]["ssim_outside"] < 1.0
            assert rows["swap"]["judge"]["cos_target"] == pytest.approx(1.0, abs=1e-5)
            assert rows["swap"]["judge"]["nearer_to_source"] == 0.0
            assert rows["swap"]["colour_way"] == 0.0

    def test_the_true_answer_is_without_error(self, result):
        truth = result["rows"]["true answer"]
        assert truth["error"] == truth["error_outside"] == truth["error_over_copy"] == truth["error_unchanged"] == 0.0
        assert truth["ssim"] == truth["ssim_outside"] == pytest.approx(1.0)
        assert truth["colour_way"] == pytest.approx(1.0)

    def test_the_pasted_source_is_the_target_outside_and_wrong_inside(self, result):
        pasted, copy = (result["rows"][name] for name in ("pasted source", "copy of the target"))
        assert pasted["error_outside"] == pytest.approx(copy["error_outside"], rel=0.1)
        assert 0 < pasted["error"] != copy["error"] and pasted["judge"]["cos_target"] < 1.0

    def test_one_colour_brings_the_pictures_closer(self, result):
        """Recolouring alone then earns nothing: less is left of the error of a copy."""
        copies = [result[table]["copy of the target"]["error"] for table in ("rows", "one_colour")]
        assert copies[1] < copies[0]

    def test_a_swapper_that_knows_the_answer_scores_as_the_truth(self):
        answers = iter([cases(SMALL).truth, cases(SMALL).truth])
        rows = evaluate(Swapper(lambda *_: next(answers)), recogniser(2), swaps=6, gallery=4)["rows"]
        assert rows["swap"] == rows["true answer"]

    def test_batches_give_the_same_figures(self, result):
        swapper = Swapper(lambda source, target: target)
        again = evaluate(swapper, recogniser(2), swaps=6, gallery=4, batch=4, attributes=reader())
        assert again["rows"] == result["rows"]

    def test_the_gap_is_what_the_training_recogniser_sees_more(self, result):
        for row in result["rows"].values():
            assert row["gap"] == row["trainer"]["cos_source"] - row["judge"]["cos_source"] != 0

    def test_retrieval_falls_with_the_gallery_to_that_of_all(self, result):
        for row in result["rows"].values():
            assert list(row["curve"]) == ["2", "4"] and row["curve"]["4"] == row["judge"]["id_retrieval"]
            assert row["curve"]["2"] >= row["curve"]["4"]
            low, high = row["judge"]["interval"]
            assert low <= row["judge"]["id_retrieval"] <= high

    def test_attributes_are_measured_from_what_is_known_of_the_target(self, result):
        pictures, net = cases(SMALL), reader()
        read, known = net.estimate(pictures.truth), pictures.known
        row = result["rows"]["true answer"]
        assert row["pose"] == pytest.approx(np.linalg.norm(read.pose - known.pose, axis=1).mean())
        assert row["gaze"] == pytest.approx(np.linalg.norm(read.gaze - known.gaze, axis=1).mean())
        played = known.actions[:, [24, 20]]  # jawOpen and eyeWideLeft
        assert row["expression"] == pytest.approx(np.sqrt(((read.actions - played) ** 2).mean(axis=1)).mean())
        # The untrained network's mean is 0.
        assert result["average"]["pose"] == pytest.approx(np.linalg.norm(known.pose, axis=1).mean())

    def test_without_the_network_the_columns_are_left_out_and_one_sentence_says_so(self, monkeypatch):
        monkeypatch.setattr(weights, "known", lambda: ["arcface", "judge"])
        found = evaluate(Swapper(lambda source, target: target), recogniser(2), swaps=4, gallery=4)
        assert not {"pose", "expression", "gaze"} & set(found["rows"]["swap"]) and found["average"] == {}
        (note,) = found["notes"]
        assert "data/weights/attributes" in note and note in " ".join(report(found).split())
        assert "gaze error" not in report(found) and "attributes" not in found["weights"]

    def test_kid_is_small_for_true_pictures(self):
        """Noise in the picture is not."""
        noise = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
        swapper = Swapper(lambda source, target: noise[: len(target)])
        rows = evaluate(swapper, recogniser(2), swaps=16, gallery=8, attributes=reader())["rows"]
        kid = {name: row["kid"] for name, row in rows.items()}
        assert kid["swap"]["pictures"] == [16, 16] and kid["swap"]["subset"] == 8
        assert kid["swap"]["mean"] > kid["swap"]["spread"] + max(0, kid["true answer"]["mean"])

    def test_groups_add_up(self, result):
        for kind in ("tone", "age", "sex"):
            groups = result["groups"][kind].values()
            assert sum(group["count"] for group in groups) == 6
            swap, truth = result["rows"]["swap"], result["rows"]["true answer"]
            for name, whole in (("id_retrieval", swap["judge"]["id_retrieval"]), ("error", swap["error"]),
                                ("ssim", swap["ssim"]), ("true_answer", truth["judge"]["id_retrieval"])):  # fmt: skip
                assert sum(group["count"] * group[name] for group in groups) / 6 == pytest.approx(whole)

    def test_goes_into_json_with_protocol_and_checksums(self, result):
        stored = json.loads(json.dumps(result, allow_nan=False))
        assert report(stored) == report(result)
        assert stored["protocol"]["gallery"] == 4 and stored["protocol"]["swaps"] == 6
        assert {"generator", "judge", "trainer", "attributes"} == set(stored["weights"])
        assert stored["weights"]["judge"] != stored["weights"]["trainer"]
        assert stored["recognisers"]["judge"]["pictures"] == 16
        assert 0 <= stored["recognisers"]["judge"]["unobstructed"] <= 1
        assert stored["recognisers"]["judge"]["in_turn"]["pictures"] == 80

    def test_the_report_names_protocol_rows_and_gallery(self, result):
        text = report(result)
        for words in ("6 swaps", "gallery of 4", "guessing earns 25.0%", "copy of the target", "pasted source",
                      "One colour", "judge", "gaze", "KID", "female", "6 true pictures"):  # fmt: skip
            assert words in text
        assert max(map(len, text.splitlines())) < 130

    def test_the_fingerprint_changes_with_one_number(self):
        net = recogniser(3)
        before = evaluation.fingerprint(net)
        assert before == evaluation.fingerprint(net)
        with torch.no_grad():
            next(net.parameters()).view(-1)[0] += 1e-3
        assert evaluation.fingerprint(net) != before


def test_what_evaluation_promises_is_importable_from_it():
    from simswap_lib import evaluation_report, measures

    assert (retrieval, error_inside, report) == (measures.retrieval, measures.error_inside, evaluation_report.report)
