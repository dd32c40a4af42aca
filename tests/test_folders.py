"""A folder of people: every sort of picture is read, what cannot be is counted with its reason, at any depth."""

import os
import pickle

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from simswap_lib.batches import PairBatches, Pairs
from simswap_lib.folders import DAMAGED, LOOSE, NO_PICTURE, TOO_LARGE, TOO_SMALL, FolderDataset, squared, walk
from simswap_lib.photographs import photograph, rendered

RNG = np.random.default_rng(0)


def picture(side=40, other=None) -> Image.Image:
    """Soft noise, so that JPEG keeps it."""
    small = RNG.integers(0, 256, (4, 4, 3), np.uint8)
    return Image.fromarray(cv2.resize(small, (side, other or side), interpolation=cv2.INTER_CUBIC))


def save(path, image=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    (image or picture()).save(path, **options)
    return path


class TestWhatIsRead:
    def test_people_are_the_folders_that_hold_pictures(self, tmp_path):
        for name in ("ben/2.JPG", "ben/10.png", "ann/x.jpeg", "ann/y.WebP", "cy/z.png"):
            save(tmp_path / name)
        data = FolderDataset(tmp_path, 32)
        assert data.people == ["ann", "ben", "cy"] and data.person.tolist() == [0, 0, 1, 1, 2]
        assert [os.path.relpath(path, tmp_path) for path in data.files] == [
            "ann/x.jpeg", "ann/y.WebP", "ben/10.png", "ben/2.JPG", "cy/z.png",
        ]  # fmt: skip
        assert data.skipped == {} and data.person.dtype == np.int64

    def test_any_depth_is_found_and_told(self, tmp_path):
        for name in ("train/ann/1.png", "train/ann/2.png", "a/b/c/ben/1.png", "cy/1.png"):
            save(tmp_path / name)
        data = FolderDataset(tmp_path, 32)
        assert data.people == ["a/b/c/ben", "cy", "train/ann"]
        assert "3 people, 4 pictures, people 1 and 2 and 4 deep; none skipped" in str(data)

    def test_pictures_of_one_person_stand_together_though_folders_lie_between(self, tmp_path):
        for name in ("ann/1.png", "ann/album/1.png", "ann/z.png"):
            save(tmp_path / name)
        assert FolderDataset(tmp_path, 32).person.tolist() == [0, 0, 1]

    def test_hidden_and_left_over_files_are_passed_over(self, tmp_path):
        for name in ("ann/1.png", "ann/._1.png", ".cache/ann/1.png", "__MACOSX/ann/1.png", "ann/.hidden.jpg"):
            save(tmp_path / name)
        (tmp_path / "ann" / "Thumbs.db").touch()
        data = FolderDataset(tmp_path, 32)
        assert len(data) == 1 and data.skipped == {}

    def test_what_is_skipped_is_counted_with_its_reason(self, tmp_path):
        good = save(tmp_path / "ann" / "good.png")
        save(tmp_path / "ann" / "small.png", picture(31, 60))
        save(tmp_path / "ann" / "large.png", Image.new("1", (8193, 40)))
        save(tmp_path / "ann" / "bomb.png", Image.new("1", (20000, 20000)))
        save(tmp_path / "loose.png")
        (tmp_path / "ann" / "list.txt").write_text("hello")
        save(tmp_path / "ann" / "old.bmp")
        (tmp_path / "ann" / "text.jpg").write_text("hello")
        (tmp_path / "ann" / "empty.jpg").touch()
        (tmp_path / "ann" / "nowhere.jpg").symlink_to(tmp_path / "gone.jpg")
        data = FolderDataset(tmp_path, 32)
        skipped = {reason: sorted(os.path.basename(p) for p in paths) for reason, paths in data.skipped.items()}
        assert data.files == [str(good)]
        assert skipped == {
            TOO_SMALL: ["small.png"], TOO_LARGE: ["bomb.png", "large.png"], LOOSE: ["loose.png"],
            NO_PICTURE: ["list.txt", "old.bmp"], DAMAGED: ["empty.jpg", "nowhere.jpg", "text.jpg"],
        }  # fmt: skip
        assert "3 damaged or cut off" in str(data)
        assert len(FolderDataset(tmp_path, 32, smallest=31)) == 2
        assert len(FolderDataset(tmp_path, 32, smallest=41)) == 0

    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
    def test_cut_off_files_are_found_without_decoding(self, tmp_path, suffix):
        whole = save(tmp_path / "ann" / f"whole{suffix}", picture(200)).read_bytes()
        for share in (0.3, 0.7, 0.95):
            (tmp_path / "ann" / f"cut{share}{suffix}").write_bytes(whole[: int(len(whole) * share)])
        (tmp_path / "ann" / f"one{suffix}").write_bytes(whole[:-20])
        data = FolderDataset(tmp_path, 32)
        assert len(data) == 1 and len(data.skipped[DAMAGED]) == 4

    def test_a_jpeg_with_something_behind_its_end_is_whole(self, tmp_path):
        path = save(tmp_path / "ann" / "1.jpg", picture(100))
        path.write_bytes(path.read_bytes() + b"\0" * 200 + b"a note of the camera")
        assert len(FolderDataset(tmp_path, 32)) == 1

    def test_a_link_in_a_circle_ends(self, tmp_path):
        save(tmp_path / "ann" / "1.png")
        (tmp_path / "ann" / "again").symlink_to(tmp_path)
        assert FolderDataset(tmp_path, 32).people == ["ann"]

    def test_a_linked_folder_is_read(self, tmp_path):
        save(tmp_path / "elsewhere" / "1.png")
        (tmp_path / "root").mkdir()
        (tmp_path / "root" / "ann").symlink_to(tmp_path / "elsewhere")
        assert FolderDataset(tmp_path / "root", 32).people == ["ann"]

    @pytest.mark.parametrize("size, smallest", [(0, 1), (32, 0), (32, 8193)])
    def test_sizes_that_make_no_sense(self, tmp_path, size, smallest):
        with pytest.raises(ValueError, match="Expected a size"):
            FolderDataset(tmp_path, size, smallest)

    def test_no_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="There is no folder"):
            FolderDataset(tmp_path / "no")
        (tmp_path / "file").touch()
        with pytest.raises(ValueError, match="is a file; give the folder"):
            list(walk(tmp_path / "file"))


class TestPictures:
    def read(self, tmp_path, image, name="1.png", size=40, **options) -> np.ndarray:
        save(tmp_path / "ann" / name, image, **options)
        out = FolderDataset(tmp_path, size).picture(0)
        assert out.dtype == np.uint8 and out.shape == (size, size, 3)
        return out

    def test_its_own_size_is_exact(self, tmp_path):
        image = picture()
        assert np.array_equal(self.read(tmp_path, image), np.asarray(image))

    def test_exif_is_obeyed(self, tmp_path):
        image = picture()
        exif = image.getexif()
        exif[0x0112] = 6  # the camera was turned
        assert np.array_equal(self.read(tmp_path, image, exif=exif), np.rot90(np.asarray(image), -1))

    def test_every_sort_of_colour(self, tmp_path):
        image = picture()
        grey = np.asarray(image.convert("L"))
        assert np.array_equal(self.read(tmp_path, image.convert("L")), np.repeat(grey[..., None], 3, 2))
        sixteen = Image.fromarray(grey.astype(np.uint16) * 257)
        assert np.array_equal(self.read(tmp_path, sixteen), np.repeat(grey[..., None], 3, 2))
        palette = image.quantize(16)
        assert np.array_equal(self.read(tmp_path, palette), np.asarray(palette.convert("RGB")))
        assert (self.read(tmp_path, Image.new("RGBA", (40, 40), (9, 9, 9, 0))) == 255).all()

    def test_cmyk(self, tmp_path):
        out = self.read(tmp_path, Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "1.jpg")
        assert out[20, 20].argmax() == 0 and out[20, 20, 0] > 200

    def test_shrinks_by_averaging(self, tmp_path):
        checks = (np.indices((80, 80)).sum(0) % 2 * 255).astype(np.uint8)
        assert np.abs(self.read(tmp_path, Image.fromarray(checks)).astype(int) - 127).max() <= 1

    def test_grows_smoothly(self, tmp_path):
        ramp = np.tile(np.linspace(20, 235, 40).astype(np.uint8), (40, 1))
        assert np.diff(self.read(tmp_path, Image.fromarray(ramp), size=160)[80, :, 0].astype(int)).max() <= 3

    def test_the_square_in_the_middle(self):
        wide = np.zeros((40, 100, 3), np.uint8)
        wide[:, 30:70] = 200
        assert (squared(wide, 40) == 200).all() and (squared(wide.transpose(1, 0, 2), 20) == 200).all()

    def test_damaged_since_it_was_looked_at_is_an_error_that_names_it(self, tmp_path):
        path = save(tmp_path / "ann" / "1.png")
        data = FolderDataset(tmp_path, 32)
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(ValueError, match=r"ann.1\.png is damaged"):
            data.picture(0)


class TestForTraining:
    @pytest.fixture(scope="class")
    @staticmethod
    def world(tmp_path_factory):
        folder = tmp_path_factory.mktemp("people")
        list(rendered(range(4), 3, 32, 1, folder))
        return folder

    def test_what_the_world_writes_comes_back(self, world):
        data = FolderDataset(world, 32)
        assert data.people == [f"person_{person:06d}" for person in range(4)]
        for index, person in enumerate(data.person):
            assert np.array_equal(data.picture(index), photograph(person, index % 3, 32))

    def test_batches_are_the_same_with_any_number_of_workers(self, world):
        data = FolderDataset(world, 32)
        read = [
            list(DataLoader(Pairs(data), batch_sampler=PairBatches(data, 8, range(5)), num_workers=workers))
            for workers in (0, 2)
        ]
        for one, other in zip(*read, strict=True):
            assert all(torch.equal(one[name], other[name]) for name in one)
            person = torch.from_numpy(data.person)
            assert torch.equal(person[one["source_index"]] == person[one["target_index"]], one["same"])

    def test_some_people_alone(self, world):
        data = FolderDataset(world, 32)
        odd = data.only(lambda person: person % 2 == 1)
        assert odd.people == ["person_000001", "person_000003"] and odd.person.tolist() == [0, 0, 0, 1, 1, 1]
        assert np.array_equal(odd.picture(3), photograph(3, 0, 32))
        assert len(data) == 12 and len(data.people) == 4
        assert len(pickle.loads(pickle.dumps(odd))) == 6
