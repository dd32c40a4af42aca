"""Retrieval, errors and tables: by hand, and framed by swappers whose score is known beforehand."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from simswap_lib import evaluation
from simswap_lib.evaluation import Protocol, cases, error_inside, evaluate, interval, report, retrieval
from simswap_lib.models.arcface import ArcFace, ArcFaceConfig
from simswap_lib.models.generator import Generator, GeneratorConfig
from simswap_lib.world.people import HELD_OUT

SMALL = Protocol(swaps=6, gallery=4, size=32)


def recogniser(seed: int) -> ArcFace:
    torch.manual_seed(seed)
    return ArcFace(ArcFaceConfig(image_size=32, width=4, blocks=(1, 1), embedding_dim=16)).eval()


class Swapper:
    """Stands in for a FaceSwapper; `answer` makes the results."""

    def __init__(self, answer):
        self.generator = Generator(GeneratorConfig(image_size=32, width=2, downs=1, blocks=1, identity_dim=16))
        self.recogniser, self.swap_aligned = recogniser(1), answer


class TestRetrieval:
    gallery = F.normalize(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), dim=1)

    def test_by_hand(self):
        queries = F.normalize(torch.tensor([[2.0, 1.0], [1.0, 2.0], [-3.0, 1.0], [1.0, 0.1]]), dim=1)
        assert retrieval(queries, self.gallery, torch.tensor([0, 1, 2, 1])) == 0.75
        assert retrieval(queries, self.gallery, torch.tensor([1, 0, 0, 2])) == 0.0

    def test_the_gallery_finds_itself(self):
        assert retrieval(self.gallery, self.gallery, torch.arange(3)) == 1.0

    def test_guessing_earns_one_in_g(self):
        rng = torch.Generator().manual_seed(0)
        queries, gallery = (F.normalize(torch.randn(n, 32, generator=rng), dim=1) for n in (4000, 10))
        share = retrieval(queries, gallery, torch.randint(0, 10, (4000,), generator=rng))
        assert share == pytest.approx(0.1, abs=0.02)

    @pytest.mark.parametrize(
        "queries, labels",
        [(torch.zeros(2, 3), torch.zeros(2).long()), (torch.zeros(2, 2), torch.zeros(3).long()),
         (torch.zeros(2, 2), torch.tensor([0, 3])), (torch.zeros(0, 2), torch.zeros(0).long())],
        ids=["another length", "too many labels", "beyond the gallery", "no query"],
    )  # fmt: skip
    def test_misfits_are_errors(self, queries, labels):
        with pytest.raises(ValueError, match="Expected"):
            retrieval(queries, self.gallery, labels)


class TestInterval:
    def test_by_hand(self):
        low, high = interval(0.5, 100)  # Wilson: 0.5 +- 1.96 * sqrt(0.0025 + 0.000096) / 1.0384
        assert low == pytest.approx(0.4038, abs=1e-4) and high == pytest.approx(0.5962, abs=1e-4)

    def test_stays_between_zero_and_one_and_narrows(self):
        assert interval(0.0, 20)[0] == 0.0 and 0 < interval(0.0, 20)[1] < 0.2
        assert interval(1.0, 20)[1] == pytest.approx(1.0)
        assert interval(0.6, 800)[1] - interval(0.6, 800)[0] < interval(0.6, 200)[1] - interval(0.6, 200)[0]


class TestErrorInside:
    def test_by_hand(self):
        truth = np.zeros((1, 2, 2, 3), np.uint8)
        result = truth.copy()
        result[0, 0, 0], result[0, 1, 1] = (30, 0, 0), (255, 255, 255)
        mask = np.zeros((1, 2, 2), np.float32)
        mask[0, 0, 0], mask[0, 0, 1] = 1.0, 0.5
        assert error_inside(result, truth, mask) == pytest.approx([30 / (3 * 1.5)])
        assert error_inside(truth, result, mask) == pytest.approx([30 / (3 * 1.5)])  # no wrap-around of uint8

    def test_an_empty_mask_has_no_error(self):
        picture = np.zeros((1, 2, 2, 3), np.uint8)
        assert math.isnan(error_inside(picture, picture, np.zeros((1, 2, 2)))[0])

    def test_misfits_are_errors(self):
        picture = np.zeros((1, 2, 2, 3), np.uint8)
        with pytest.raises(ValueError, match="a mask each"):
            error_inside(picture, picture, np.zeros((1, 2, 3)))


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
        assert pictures.labels.tolist() == [0, 1, 2, 3, 0, 1]
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

    @pytest.mark.parametrize("wrong", [{"gallery": 1}, {"swaps": 0}, {"gallery": 401}, {"gallery": 2, "swaps": 197}])
    def test_impossible_protocols_are_errors(self, wrong):
        with pytest.raises(ValueError, match="Expected a gallery"):
            Protocol(**{"swaps": 6, "gallery": 4, **wrong})


@pytest.fixture(scope="module")
def result():
    """The evaluation of a swapper that gives the target back."""
    return evaluate(Swapper(lambda source, target: target), recogniser(2), swaps=6, gallery=4)


class TestEvaluate:
    def test_a_swapper_that_changes_nothing_scores_as_the_copy(self, result):
        for table in ("rows", "one_colour"):
            rows = result[table]
            assert rows["swap"] == rows["copy of the target"]
            assert rows["swap"]["error_over_copy"] == 1.0 and rows["swap"]["error"] > 0
            assert rows["swap"]["judge"]["cos_target"] == pytest.approx(1.0, abs=1e-5)
            assert rows["true answer"]["error"] == 0.0

    def test_one_colour_brings_the_pictures_closer(self, result):
        """Recolouring alone then earns nothing: less is left of the error of a copy."""
        copies = [result[table]["copy of the target"]["error"] for table in ("rows", "one_colour")]
        assert copies[1] < copies[0]

    def test_a_swapper_that_knows_the_answer_scores_as_the_truth(self):
        answers = iter([cases(SMALL).truth, cases(SMALL).truth])
        rows = evaluate(Swapper(lambda *_: next(answers)), recogniser(2), swaps=6, gallery=4)["rows"]
        assert rows["swap"] == rows["true answer"]

    def test_batches_give_the_same_figures(self, result):
        again = evaluate(Swapper(lambda source, target: target), recogniser(2), swaps=6, gallery=4, batch=4)
        assert again["rows"] == result["rows"]

    def test_goes_into_json_with_protocol_and_checksums(self, result):
        stored = json.loads(json.dumps(result))
        assert stored["protocol"]["gallery"] == 4 and stored["protocol"]["swaps"] == 6
        assert {"generator", "judge", "trainer"} == set(stored["weights"])
        assert stored["weights"]["judge"] != stored["weights"]["trainer"]
        assert stored["recognisers"]["judge"]["pictures"] == 16
        assert 0 <= stored["recognisers"]["judge"]["unobstructed"] <= 1

    def test_the_report_names_protocol_rows_and_gallery(self, result):
        text = report(result)
        for words in ("6 swaps", "gallery of 4", "guessing earns 25.0%", "copy of the target", "One colour", "judge"):
            assert words in text
        assert max(map(len, text.splitlines())) < 140

    def test_the_fingerprint_changes_with_one_number(self):
        net = recogniser(3)
        before = evaluation.fingerprint(net)
        assert before == evaluation.fingerprint(net)
        with torch.no_grad():
            next(net.parameters()).view(-1)[0] += 1e-3
        assert evaluation.fingerprint(net) != before


def test_what_hides_a_face_is_known():
    from simswap_lib.evaluation import _shown
    from simswap_lib.photographs import shot_seed
    from simswap_lib.world import Shot

    shots = [Shot.sample(shot_seed(HELD_OUT + i, 0)) for i in range(60)]
    hidden = [i for i in range(60) if not _shown(HELD_OUT + i, 0)]
    assert 2 < len(hidden) < 30
    assert all(shots[i].occluder != "none" or shots[i].glasses == "sun" for i in hidden)
    assert all(shots[i].occluder == "none" for i in range(60) if i not in hidden)
