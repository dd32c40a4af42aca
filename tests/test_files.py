"""Files are written whole or not at all, and pictures survive the way to tensors and back."""

import numpy as np
import pytest
import torch

from simswap_lib.files import checksum, to_images, to_tensor, whole_file


def test_whole_file_replaces(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole_file(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_whole_file_keeps_the_old_one_on_failure(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), whole_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_whole_file_needs_the_folder(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "missing" / "a.txt"):
        pass


def test_checksum_is_sha256(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    assert checksum(tmp_path / "empty").startswith("e3b0c44298fc1c149afbf4c8996fb924")


class TestPictures:
    def test_round_trip_is_exact(self):
        images = np.random.default_rng(0).integers(0, 256, (2, 8, 6, 3), np.uint8)
        assert (to_images(to_tensor(images)) == images).all()

    def test_range_and_shape(self):
        tensor = to_tensor(np.array([[[0, 127, 255]]], np.uint8))
        assert tensor.shape == (1, 3, 1, 1)
        assert tensor[0, 0].item() == -1 and tensor[0, 2].item() == 1

    def test_values_outside_are_clipped(self):
        assert to_images(torch.tensor([[[[-3.0]], [[0.0]], [[3.0]]]])).tolist() == [[[[0, 128, 255]]]]

    @pytest.mark.parametrize("bad", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)])
    def test_other_input_is_refused(self, bad):
        with pytest.raises(ValueError, match="Expected uint8 RGB"):
            to_tensor(bad)
