"""ONNX out and in: onnxruntime computes what PyTorch does, the published kind loads, others are told why not."""

import sys
import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import nn
from torch.nn import functional as F

from simswap_lib.__main__ import main
from simswap_lib.models import weights
from simswap_lib.models.arcface import ArcFace, ArcFaceConfig
from simswap_lib.models.generator import Generator, GeneratorConfig
from simswap_lib.models.onnx_files import CONFIG, from_onnx, load_recogniser, to_onnx
from simswap_lib.models.onnx_recogniser import NotIResNet, OnnxRecogniser
from simswap_lib.swapper import FaceSwapper

OURS = ArcFaceConfig(image_size=16, width=4, blocks=(1, 2), embedding_dim=8, dropout=0.25)
CROPPED = ArcFaceConfig(12, width=4, blocks=(1, 1), embedding_dim=8, crop=(0.125, 0.1875, 0.875, 0.9375))
THEIRS = ArcFaceConfig(  # what IResNet below is in our words
    32, width=4, blocks=(2, 1, 2), embedding_dim=16, stem_stride=1, first_stride=2, stride_in_second=True
)


class PublishedBlock(nn.Module):
    """From the description of insightface's block: BN, conv, BN, PReLU, conv with the stride, BN, plus the shortcut."""

    def __init__(self, before, after, stride, eps, act):
        super().__init__()
        self.n1, self.n2, self.n3 = (nn.BatchNorm2d(c, eps) for c in (before, after, after))
        self.c1 = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.c2 = nn.Conv2d(after, after, 3, stride, 1, bias=False)
        self.act = act(after)
        self.down = None
        if stride > 1 or before != after:
            self.down = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after, eps))

    def forward(self, x):
        y = self.n3(self.c2(self.act(self.n2(self.c1(self.n1(x))))))
        return y + (x if self.down is None else self.down(x))


class IResNet(nn.Module):
    """From the description of insightface's network, in small: a stem of stride 1, stages that each halve.

    linear: how the last layers are written, of which exporters make different nodes.
    """

    def __init__(self, eps=1e-5, linear="linear", act=nn.PReLU, size=32, halves=(True, True, True)):
        super().__init__()
        self.linear = linear
        layers, before = [nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4, eps), act(4)], 4
        for width, count, halve in zip((4, 8, 16), (2, 1, 2), halves):
            for j in range(count):
                layers.append(PublishedBlock(before, width, 2 if halve and j == 0 else 1, eps, act))
                before = width
        self.trunk = nn.Sequential(*layers, nn.BatchNorm2d(16, eps))
        cells = (size // 2 ** sum(halves)) ** 2
        self.fc, self.features = nn.Linear(16 * cells, 16), nn.BatchNorm1d(16, eps)

    def forward(self, x):
        x = self.trunk(x)
        if self.linear == "products":
            x = x.view(x.shape[0], -1) @ self.fc.weight.T + self.fc.bias
            return self.features(x[:, :, None]).squeeze(2)
        if self.linear == "nothing after it":
            return self.fc(torch.flatten(x, 1))
        return self.features(self.fc(torch.flatten(x, 1)))


def lived_in(net):
    """The network with weights, slopes and statistics that no two layers share, in evaluation mode."""
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
                for tensor, low, high in (
                    (module.weight, 0.5, 1.5),
                    (module.bias, -0.5, 0.5),
                    (module.running_mean, -0.5, 0.5),
                    (module.running_var, 0.2, 2.0),
                ):
                    tensor.copy_(torch.rand(tensor.shape, generator=rng) * (high - low) + low)
            elif isinstance(module, nn.PReLU):
                module.weight.copy_(torch.rand(module.weight.shape, generator=rng))
            elif isinstance(module, nn.Conv2d | nn.Linear):
                module.weight.copy_(torch.randn(module.weight.shape, generator=rng) / module.weight[0].numel() ** 0.5)
    return net.eval()


def export(net, path, folded=False, size=32, channels=3, free=True):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (torch.zeros(2 if free else 1, channels, size, size),), str(path), input_names=["data"],
            dynamic_axes={"data": {0: "None"}} if free else None, opset_version=13, dynamo=False,
            training=torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=folded,
        )  # fmt: skip
    return path


def change(path, function):
    """The same file, after function(model)."""
    model = onnx.load(path)
    function(model)
    onnx.save(model, path)
    return path


def kinds(path):
    return [node.op_type for node in onnx.load(path).graph.node]


def run(path, images):
    """Unit vectors as onnxruntime computes them."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return F.normalize(torch.from_numpy(session.run(None, {session.get_inputs()[0].name: images.numpy()})[0]), dim=1)


def pictures(count, size, seed=1):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def same(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


class TestOut:
    @pytest.mark.parametrize(
        ("config", "size", "expected"),
        [(OURS, None, 16), (OURS, 24, 24), (CROPPED, None, 16), (CROPPED, 50, 50), (CROPPED, 9, 9), (THEIRS, None, 32)],
    )
    def test_onnxruntime_agrees_and_the_file_loads_back(self, tmp_path, config, size, expected):
        net = lived_in(ArcFace(config))
        path = to_onnx(net, tmp_path / "net.onnx", size)
        for count in (1, 3):
            images = pictures(count, expected)
            with torch.no_grad():
                same(run(path, images), net(images))
        back = from_onnx(path)
        assert back.config == config and not back.training
        for key, value in net.state_dict().items():
            torch.testing.assert_close(back.state_dict()[key], value, rtol=1e-6, atol=1e-7)
        images = pictures(2, 40)  # what stands in the file only for one size is whole again
        same(back(images), net(images))

    def test_the_network_stays_as_it_was(self, tmp_path):
        net = lived_in(ArcFace(OURS)).train()
        before = {key: value.clone() for key, value in net.state_dict().items()}
        path = to_onnx(net, tmp_path / "net.onnx")
        assert net.training and all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
        same(run(path, pictures(2, 16)), net.eval()(pictures(2, 16)))
        assert [one.name for one in tmp_path.iterdir()] == ["net.onnx"]

    def test_refused(self, tmp_path):
        with pytest.raises(ValueError, match="ends in .onnx; got .*net.pth"):
            to_onnx(ArcFace(OURS), tmp_path / "net.pth")
        with pytest.raises(ValueError, match="at least 1; got 0"):
            to_onnx(ArcFace(OURS), tmp_path / "net.onnx", 0)
        with pytest.raises(FileNotFoundError):
            to_onnx(ArcFace(OURS), tmp_path / "nowhere" / "net.onnx")
        assert not list(tmp_path.iterdir())


class TestPublishedKind:
    @pytest.mark.parametrize("folded", [False, True], ids=["kept", "folded"])
    @pytest.mark.parametrize("eps", [1e-5, 2e-5, 1e-7])
    @pytest.mark.parametrize("linear", ["linear", "products", "nothing after it"])
    def test_it_becomes_our_network(self, tmp_path, folded, eps, linear):
        theirs = lived_in(IResNet(eps, linear))
        path = export(theirs, tmp_path / "net.onnx", folded)
        norms = sum(isinstance(module, nn.BatchNorm2d) for module in theirs.modules())
        kept = kinds(path).count("BatchNormalization")
        assert kept == 1 + 5 + (linear != "nothing after it") if folded else kept >= norms
        assert {"products": "MatMul"}.get(linear, "Gemm") in kinds(path)
        net = from_onnx(path)
        assert isinstance(net, ArcFace) and net.config == THEIRS and not net.training
        images = pictures(5, 32)
        with torch.no_grad():
            same(net(images), run(path, images))
            same(net(images), F.normalize(theirs(images), dim=1))
        if folded:  # the identity, exactly
            norm = net.stages[0].body[2]
            assert torch.equal(norm.weight, torch.ones(4)) and torch.equal(norm.running_mean, torch.zeros(4))
            x = torch.randn(1, 4, 3, 3)
            torch.testing.assert_close(norm(x), x + norm.bias[:, None, None], rtol=1e-6, atol=1e-6)

    def test_statistics_are_kept(self, tmp_path):
        theirs = lived_in(IResNet())
        net = from_onnx(export(theirs, tmp_path / "net.onnx"))
        for mine, other in ((net.stem[1], theirs.trunk[1]), (net.head[4], theirs.features)):
            for name in ("weight", "bias", "running_mean", "running_var"):
                torch.testing.assert_close(getattr(mine, name), getattr(other, name))

    def test_a_bias_before_a_normalisation(self, tmp_path):
        theirs = lived_in(IResNet())
        for convolution in (theirs.trunk[0], theirs.trunk[3].c1, theirs.trunk[5].c2):
            convolution.bias = nn.Parameter(torch.randn(convolution.out_channels))
        path = export(theirs, tmp_path / "net.onnx")
        same(from_onnx(path)(pictures(2, 32)), run(path, pictures(2, 32)))

    def test_small_variances(self, tmp_path):
        # Below our epsilon the variance cannot take the difference; the weight does.
        theirs = lived_in(IResNet(eps=1e-7))
        with torch.no_grad():
            theirs.trunk[3].n1.running_var.copy_(torch.tensor([0.0, 1e-6, 5e-6, 1.0]))
        path = export(theirs, tmp_path / "net.onnx")
        same(from_onnx(path)(pictures(2, 32)), run(path, pictures(2, 32)))

    @pytest.mark.parametrize("folded", [False, True])
    def test_gradients_flow_to_picture_and_weights(self, tmp_path, folded):
        net = from_onnx(export(lived_in(IResNet()), tmp_path / "net.onnx", folded))
        images = pictures(2, 32).requires_grad_()
        net(images)[:, 0].sum().backward()
        assert images.grad.abs().min() > 0
        assert all(one.grad is not None and torch.isfinite(one.grad).all() for one in net.parameters())

    def test_it_can_be_trained_further(self, tmp_path):
        net = from_onnx(export(lived_in(IResNet()), tmp_path / "net.onnx")).train()
        images, wanted = pictures(4, 32), F.normalize(torch.randn(4, 16), dim=1)
        optimiser, losses = torch.optim.Adam(net.parameters(), 1e-3), []
        for _ in range(10):
            optimiser.zero_grad()
            losses.append((1 - (net(images) * wanted).sum(1)).mean())
            losses[-1].backward()
            optimiser.step()
        assert losses[-1] < losses[0] - 0.1

    def test_a_linear_layer_that_swallowed_its_normalisation(self, tmp_path):
        """As newer exporters write it: no BN after the Gemm, its numbers in weight and bias, B untransposed, alpha."""
        theirs = lived_in(IResNet())
        norm, folded = theirs.features, lived_in(IResNet(linear="nothing after it"))
        folded.load_state_dict(theirs.state_dict())
        with torch.no_grad():
            factor = norm.weight / (norm.running_var + norm.eps).sqrt()
            folded.fc.weight.mul_(factor[:, None])
            folded.fc.bias.sub_(norm.running_mean).mul_(factor).add_(norm.bias)

        def turn(model):
            node = next(node for node in model.graph.node if node.op_type == "Gemm")
            weight = next(one for one in model.graph.initializer if one.name == node.input[1])
            turned = numpy_helper.to_array(weight).T / 2
            weight.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(turned), weight.name))
            del node.attribute[:]
            node.attribute.append(helper.make_attribute("alpha", 2.0))

        path = change(export(folded, tmp_path / "net.onnx", folded=True), turn)
        images = pictures(2, 32)
        same(from_onnx(path)(images), F.normalize(theirs(images), dim=1))

    def test_the_names_in_the_file_do_not_matter(self, tmp_path):
        def rename(model):
            names = {model.graph.input[0].name}
            graph = model.graph
            names |= {one.name for one in graph.initializer} | {one for node in graph.node for one in node.output}
            new = {name: f"t{i}" for i, name in enumerate(sorted(names))}
            for one in [*graph.input, *graph.output, *graph.initializer]:
                one.name = new[one.name]
            for i, node in enumerate(graph.node):
                node.name = f"n{i}"
                node.input[:] = [new.get(one, one) for one in node.input]
                node.output[:] = [new[one] for one in node.output]

        path = export(lived_in(IResNet()), tmp_path / "net.onnx")
        before = from_onnx(path).state_dict()
        after = from_onnx(change(path, rename)).state_dict()
        assert all(torch.equal(after[key], value) for key, value in before.items())

    def test_one_picture_at_a_time(self, tmp_path):
        theirs = lived_in(IResNet())
        path = export(theirs, tmp_path / "net.onnx", free=False)
        same(from_onnx(path)(pictures(3, 32)), F.normalize(theirs(pictures(3, 32)), dim=1))


def normalises(path, *steps):
    """The file, with (kind, number) before its first convolution."""

    def add(model):
        graph, tensor = model.graph, "data"
        first = next(node for node in graph.node if node.op_type == "Conv")
        for i, (kind, number) in enumerate(steps):
            value = np.asarray(number, np.float32)
            graph.initializer.append(numpy_helper.from_array(value[:, None, None] if value.ndim else value, f"c{i}"))
            graph.node.insert(i, helper.make_node(kind, [tensor, f"c{i}"], [tensor := f"s{i}"]))
        first.input[0] = tensor

    return change(path, add)


class TestOwnNormalisation:
    @pytest.mark.parametrize(
        ("steps", "low", "high"),
        [
            ([("Sub", 127.5), ("Mul", 0.0078125)], 0, 255),  # 1 / 128, as the files that came from MXNet
            ([("Div", 127.5), ("Sub", 1.0)], 0, 255),
            ([("Mul", 1 / 255), ("Add", -0.5), ("Mul", [2.0, 1.9, 1.8])], 0, 255),
            ([("Sub", 0.5), ("Div", 0.5)], 0, 1),
        ],
    )
    def test_it_goes_into_the_first_convolution(self, tmp_path, steps, low, high):
        path = normalises(export(lived_in(IResNet()), tmp_path / "net.onnx"), *steps)
        images = pictures(3, 32)
        fed = low + (images + 1) / 2 * (high - low)
        same(from_onnx(path)(images), run(path, fed))
        photos = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
        fed = torch.from_numpy(photos).permute(0, 3, 1, 2).float() / (255 if high == 1 else 1)
        for judge in (from_onnx(path), OnnxRecogniser(path)):
            same(judge.embed(photos), run(path, fed))

    def test_another_grey_can_only_judge(self, tmp_path):
        steps = ("Sub", [123.675, 116.28, 103.53]), ("Div", [58.395, 57.12, 57.375])
        path = normalises(export(lived_in(IResNet()), tmp_path / "net.onnx"), *steps)
        with pytest.raises(NotIResNet, match="does not map mid-grey to 0"):
            from_onnx(path)
        photos = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
        same(load_recogniser(path).embed(photos), run(path, torch.from_numpy(photos).permute(0, 3, 1, 2).float()))


class Pooled(nn.Module):
    """A recogniser of another kind, for pictures of any size."""

    def __init__(self, channels=3, pool=True):
        super().__init__()
        self.conv, self.fc, self.pool = nn.Conv2d(channels, 8, 3, padding=1), nn.Linear(8, 6), pool

    def forward(self, x):
        x = F.relu(self.conv(x))
        return self.fc(x.mean((2, 3))) if self.pool else x


def pooled(path, size=20, **how):
    torch.manual_seed(0)
    return export(Pooled(**how), path, size=size, channels=how.get("channels", 3))


class TestJudge:
    @pytest.fixture
    def path(self, tmp_path):
        return pooled(tmp_path / "net.onnx")

    def test_embed(self, path):
        judge = load_recogniser(path)
        assert isinstance(judge, OnnxRecogniser) and judge.embedding_dim == 6 and judge.size == 20
        photos = np.random.default_rng(0).integers(0, 256, (5, 20, 20, 3), np.uint8)
        vectors = judge.embed(photos)
        same(vectors, run(path, torch.from_numpy(photos).permute(0, 3, 1, 2) / 127.5 - 1))
        torch.testing.assert_close(judge.embed(photos, batch=2), vectors)
        torch.testing.assert_close(judge.embed(torch.from_numpy(photos[1])), vectors[1:2])
        assert vectors.dtype == torch.float32 and not vectors.requires_grad

    def test_other_sizes_are_resized_as_arcface_does(self, path):
        photos = np.random.default_rng(0).integers(0, 256, (2, 50, 40, 3), np.uint8)
        images = torch.from_numpy(photos).permute(0, 3, 1, 2) / 127.5 - 1
        small = F.interpolate(images, (20, 20), mode="bilinear", antialias=True)
        same(OnnxRecogniser(path).embed(photos), run(path, small))

    def test_a_file_for_any_size_gets_the_usual_one(self, path):
        def free(model):
            for i, name in ((2, "h"), (3, "w")):
                model.graph.input[0].type.tensor_type.shape.dim[i].dim_param = name

        assert OnnxRecogniser(change(path, free)).size == 112

    def test_one_picture_at_a_time(self, tmp_path):
        torch.manual_seed(0)
        single = export(Pooled(), tmp_path / "single.onnx", size=20, free=False)
        photos = np.random.default_rng(0).integers(0, 256, (3, 20, 20, 3), np.uint8)
        expected = OnnxRecogniser(pooled(tmp_path / "any.onnx")).embed(photos)
        torch.testing.assert_close(OnnxRecogniser(single).embed(photos), expected)

    def test_an_arcface_judges_alike_either_way(self, tmp_path):
        path = to_onnx(lived_in(ArcFace(CROPPED)), tmp_path / "net.onnx")
        photos = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
        same(OnnxRecogniser(path).embed(photos), from_onnx(path).embed(photos))

    def test_its_numbers_tell_files_apart(self, tmp_path, path):
        def sums(p):
            return {name: value.sum().item() for name, value in OnnxRecogniser(p).state_dict().items()}

        first = sums(path)
        assert {"conv.weight", "fc.bias"} <= set(first) and sums(path) == first
        other = export(Pooled(), tmp_path / "other.onnx", size=20)
        assert sums(other) != first

    @pytest.mark.parametrize("shape", [(2, 3, 20, 20), (20, 20), (0, 20, 20, 3)])
    def test_wrong_pictures(self, path, shape):
        with pytest.raises(ValueError, match=r"uint8 RGB \(B, H, W, 3\)"):
            OnnxRecogniser(path).embed(np.zeros(shape, np.uint8))

    def test_it_cannot_train(self, path):
        words = r"may judge, but nothing can be trained with it: .* it has Relu where that has PRelu\.$"
        for load in (from_onnx, lambda p: load_recogniser(p, gradients=True)):
            with pytest.raises(ValueError, match=words):
                load(path)


class Changed(nn.Module):
    """An IResNet with one thing changed in it."""

    def __init__(self, what):
        super().__init__()
        self.net, self.last = lived_in(IResNet()), nn.Identity()
        first = self.net.trunk[3]
        if what == "shortcut":
            first.down = nn.MaxPool2d(1, 2)
        elif what == "stride":
            first.c1.stride, first.c2.stride = (2, 2), (1, 1)
        elif what == "end":
            self.last = nn.ReLU()

    def forward(self, x):
        return self.last(self.net(x))


class TestOtherKinds:
    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda: IResNet(act=lambda _: nn.ReLU()), "it has Relu where that has PRelu"),
            (lambda: Changed("shortcut"), "it has BatchNormalization and MaxPool where that has"),
            (lambda: Changed("stride"), r"strides \[\[2, 1\], .* where that has \[\[1, 2\]"),
            (lambda: Changed("end"), "other vectors"),  # which only the comparison with onnxruntime can tell
            (lambda: IResNet(halves=(True, False, True)), "layers have other sizes"),
            (lambda: nn.Sequential(nn.Conv2d(3, 4, 5, padding=2), nn.Flatten()), "another convolution"),
            (lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.PReLU(4), nn.Flatten()), "no IR blocks"),
        ],
    )
    def test_what_differs_is_said(self, tmp_path, make, words):
        path = export(make().eval(), tmp_path / "net.onnx")
        with pytest.raises(NotIResNet, match=f"{path} may judge, but .*{words}"):
            from_onnx(path)
        assert isinstance(load_recogniser(path), OnnxRecogniser)

    def test_a_size_that_leaves_a_rest(self, tmp_path):
        # 28 pixels: 14, 7, 4 cells, as 32 pixels have.
        path = export(IResNet().eval(), tmp_path / "net.onnx", size=28)
        with pytest.raises(NotIResNet, match="takes 28 pixels a side where that takes 32"):
            from_onnx(path)

    def test_training_mode(self, tmp_path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                IResNet(), (pictures(2, 32),), str(tmp_path / "net.onnx"), dynamo=False, opset_version=15,
                training=torch.onnx.TrainingMode.TRAINING, dynamic_axes={"input": {0: "B"}}, input_names=["input"],
            )  # fmt: skip
        with pytest.raises(NotIResNet, match="exported in training mode"):
            from_onnx(tmp_path / "net.onnx")


LOADERS = [from_onnx, OnnxRecogniser, load_recogniser]


@pytest.mark.parametrize("load", LOADERS)
class TestDamage:
    def test_missing(self, load, tmp_path):
        with pytest.raises(FileNotFoundError, match="There is no file .*none.onnx"):
            load(tmp_path / "none.onnx")
        (tmp_path / "folder.onnx").mkdir()
        with pytest.raises(FileNotFoundError, match="There is no file .*folder.onnx"):
            load(tmp_path / "folder.onnx")

    @pytest.mark.parametrize("harm", ["cut", "text", "empty", "without its weights"])
    def test_unreadable(self, load, tmp_path, harm):
        path = export(IResNet().eval(), tmp_path / "net.onnx")
        whole = path.read_bytes()
        if harm == "without its weights":
            onnx.save(onnx.load(path), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
            (tmp_path / "weights.bin").unlink()
        else:
            path.write_bytes({"cut": whole[: len(whole) // 2], "text": b"hello, this is text", "empty": b""}[harm])
        with pytest.raises(ValueError, match=f"{path} cannot be read as ONNX"):
            load(path)

    def test_other_shapes(self, load, tmp_path):
        with pytest.raises(ValueError, match=r"expected pictures \(B, 3, S, S\), it takes \[None, 1, 20, 20\]"):
            load(pooled(tmp_path / "grey.onnx", channels=1))
        words = r"expected vectors \(B, D\), it gives \(1, 8, 20, 20\)"
        with pytest.raises(ValueError, match="nothing can be trained" if load is from_onnx else words):
            load(pooled(tmp_path / "maps.onnx", pool=False))

    def test_two_inputs(self, load, tmp_path):
        def add(model):
            model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))

        path = change(export(IResNet().eval(), tmp_path / "net.onnx"), add)
        with pytest.raises(ValueError, match="expected one input, pictures, it has 2"):
            load(path)

    def test_missing_packages(self, load, tmp_path, monkeypatch):
        path = export(IResNet().eval(), tmp_path / "net.onnx")
        for name in ("onnx", "onnxruntime"):
            with monkeypatch.context() as patch:
                patch.setitem(sys.modules, name, None)
                with pytest.raises(ImportError, match=r"need onnx and onnxruntime: pip install -e \"\.\[onnx\]\""):
                    load(path)

    def test_a_description_that_is_none(self, load, tmp_path):
        if load is OnnxRecogniser:
            pytest.skip("it does not read the description")
        path = to_onnx(ArcFace(OURS), tmp_path / "net.onnx")
        for text in ("{", "[]", '{"colour": 3}'):

            def write(model, text=text):
                (one,) = [one for one in model.metadata_props if one.key == CONFIG]
                one.value = text

            with pytest.raises(ValueError, match="damaged: its simswap_config is no"):
                load(change(path, write))

    def test_another_crop_than_described(self, load, tmp_path):
        path = to_onnx(lived_in(ArcFace(CROPPED)), tmp_path / "net.onnx", 50)

        def write(model):
            model.metadata_props[0].value = model.metadata_props[0].value.replace("0.125", "0.25")

        change(path, write)
        if load is from_onnx:
            with pytest.raises(NotIResNet, match="crops or resizes pictures in another way"):
                load(path)
        else:
            assert isinstance(load(path), OnnxRecogniser)


def test_a_broken_graph_is_one_sentence(tmp_path):
    path = pooled(tmp_path / "net.onnx")
    change(path, lambda model: model.graph.node[0].input.__setitem__(1, "nothing"))
    with pytest.raises(ValueError, match="onnxruntime cannot run .*net.onnx"):
        OnnxRecogniser(path)


class TestWhereOneIsChosen:
    def test_by_name(self):
        assert load_recogniser("judge").config == ArcFace.from_pretrained("judge").config
        with pytest.raises(FileNotFoundError, match="no weights called 'nobody'"):
            load_recogniser("nobody")

    def test_the_swap_command(self, tmp_path, capsys):
        net = lived_in(ArcFace(CROPPED))
        weights.save(Generator(GeneratorConfig(32, 8, 2, 1, 8)), tmp_path / "generator", "For a test.")
        path = to_onnx(net, tmp_path / "net.onnx")
        photos = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
        for name, photo in zip("ab", photos):
            Image.fromarray(photo).save(tmp_path / f"{name}.png")

        def swap(recogniser):
            files = (f"--{key}={tmp_path / value}" for key, value in (("source", "a.png"), ("target", "b.png")))
            options = (f"--weights={tmp_path / 'generator'}", f"--recogniser={recogniser}", "--device=cpu")
            return main(["swap", "--aligned", "--consent=test", *files, *options, "-o", str(tmp_path / "out.png")])

        assert swap(path) == 0
        expected = FaceSwapper(Generator.from_pretrained(tmp_path / "generator"), net).swap_aligned(*photos)
        assert np.abs(np.asarray(Image.open(tmp_path / "out.png")).astype(int) - expected).max() <= 1
        assert swap(pooled(tmp_path / "pooled.onnx")) == 2
        assert "nothing can be trained with it" in capsys.readouterr().err

    def test_the_train_command(self, tmp_path, capsys, monkeypatch):
        path = pooled(tmp_path / "net.onnx")
        command = ["train", "--run", str(tmp_path / "run"), "--set", f"recogniser={path}"]
        assert main(command) == 2
        assert "nothing can be trained with it" in capsys.readouterr().err
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        assert main(command) == 2
        assert 'pip install -e ".[onnx]"' in capsys.readouterr().err


@pytest.mark.parametrize("name", ["arcface", "arcface-128", "judge", "judge-128"])
def test_shipped_weights_go_out_and_come_back(tmp_path, name):
    net = ArcFace.from_pretrained(name)
    path = to_onnx(net, tmp_path / "net.onnx")
    side = onnx.load(path).graph.input[0].type.tensor_type.shape.dim[2].dim_value
    images = pictures(4, side)
    with torch.no_grad():
        same(run(path, images), net(images))
        assert from_onnx(path).config == net.config
        torch.testing.assert_close(from_onnx(path)(images), net(images), atol=1e-6, rtol=0)
