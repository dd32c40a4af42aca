"""The network that reads pose, actions and gaze: shapes, units, files, and that it learns; its tool's seeds."""

import numpy as np
import pytest
import torch
import train_attributes as tool
from torch.nn import functional as F

from simswap_lib.models import weights
from simswap_lib.models.attributes import Attributes, AttributesConfig
from simswap_lib.world import head_model
from simswap_lib.world.people import HELD_OUT
from simswap_lib.world.shots import Shot

CONFIG = AttributesConfig(("jawOpen", "mouthSmileLeft"), image_size=32, width=4, blocks=(1, 1))


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Attributes(CONFIG).eval()


class TestNetwork:
    def test_shapes_and_parts(self, net):
        pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
        read = net.estimate(pictures)
        assert read.pose.shape == (3, 3) and read.actions.shape == (3, 2) and read.gaze.shape == (3, 2)
        numbers = net(torch.from_numpy(pictures).permute(0, 3, 1, 2) / 127.5 - 1).detach().numpy()
        assert np.allclose(np.concatenate(read, axis=1), numbers, atol=1e-5)
        assert np.allclose(net.estimate(pictures, batch=2).pose, read.pose, atol=1e-5)

    def test_the_last_layer_speaks_in_deviations_from_the_mean(self, net):
        net.mean.fill_(7.0)
        net.deviation.fill_(0.0)
        assert (net(torch.zeros(1, 3, 32, 32)) == 7).all()

    def test_other_sizes_are_resized_as_arcface_does(self, net):
        images = torch.rand(2, 3, 64, 64) * 2 - 1
        small = F.interpolate(images, (32, 32), mode="bilinear", antialias=True)
        torch.testing.assert_close(net(images), net(small))

    @pytest.mark.parametrize("shape", [(3, 32, 32), (1, 1, 32, 32)])
    def test_wrong_shape(self, net, shape):
        with pytest.raises(ValueError, match=r"\(B, 3, H, W\)"):
            net(torch.zeros(shape))

    def test_comes_back_from_its_folder(self, net, tmp_path):
        net.mean.copy_(torch.arange(7))
        folder = weights.save(net, tmp_path / "attributes", "A reader for tests.")
        again = Attributes.from_pretrained(folder)
        assert again.config == CONFIG and torch.equal(again.mean, net.mean)
        pictures = torch.rand(2, 3, 32, 32)
        torch.testing.assert_close(again(pictures), net(pictures), atol=0.02, rtol=0.01)

    @pytest.mark.parametrize("wrong", [{"actions": ()}, {"image_size": 30}, {"width": 0}, {"blocks": ()}])
    def test_wrong_sizes(self, wrong):
        with pytest.raises(ValueError, match="AttributesConfig"):
            AttributesConfig(**{"actions": ("jawOpen",), **wrong})


class TestTool:
    def test_all_actions_that_the_world_plays_and_no_other(self):
        played = {name for seed in range(600) for name, _ in Shot.sample(seed).expression}
        assert set(tool.actions()) == played <= set(head_model.load().expression_names)

    def test_nobody_and_no_shot_is_held_out_or_twice(self):
        seeds = [tool.training_picture(i) for i in range(20_000)]
        people, shots = map(set, zip(*seeds, strict=True))
        assert len(people) == len(shots) == 20_000 and max(people | shots) < HELD_OUT
        # Others take people 0 to 7,199 and their first photos.
        assert min(people) >= 9000 and min(shot % 100 for shot in shots) >= 50
        unseen = [tool.unseen_picture(i) for i in range(500)]
        assert min(map(min, unseen)) >= HELD_OUT

    def test_labels_are_those_of_the_rendering(self):
        from simswap_lib.world import Identity, render

        image, numbers = tool.labelled((5, 6), 32)
        rendering = render(Identity.sample(5), Shot.sample(6), 32)
        known = Attributes.split(numbers[None])
        assert np.array_equal(image, rendering.image)
        assert known.pose[0] == pytest.approx(rendering.pose) and known.gaze[0] == pytest.approx(rendering.gaze)
        strengths = dict(Shot.sample(6).expression)
        assert known.actions[0] == pytest.approx([strengths.get(name, 0.0) for name in tool.actions()])

    def test_a_short_run_learns_and_writes_weights_with_a_card(self, tmp_path, monkeypatch):
        import json

        output = tmp_path / "weights"
        options = f"--pictures 96 --tests 40 --size 32 --steps 36 --cache {tmp_path} --output {output}"
        monkeypatch.setattr("sys.argv", ["train_attributes.py", *options.split()])
        tool.main()
        records = [json.loads(line) for line in (tmp_path / "attributes.jsonl").read_text().splitlines()]
        assert len(records) == 12 and records[-1]["loss"] < 0.6 * records[0]["loss"]
        network = Attributes.from_pretrained(output / "attributes")
        assert network.config.actions == tool.actions() and network.config.image_size == 32
        card = (output / "attributes" / "README.md").read_text()
        assert f"gaze {records[-1]['gaze']:.2f} degrees" in card and "36 steps" in card
        assert len(list(tmp_path.glob("attributes-*-96-32px.npz"))) == 1
