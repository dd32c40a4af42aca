"""The command line: python -m simswap_lib render | check-data | swap | train | evaluate | bench | progress.

Everything heavy is imported inside the command that needs it, so that `--help` answers at once.
"""

import argparse
import json
import os
import sys
from pathlib import Path

LONGEST_SHEET = 8192  # pixels a side


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m simswap_lib", description="SimSwap on faces that do not exist.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    render = commands.add_parser("render", help="photograph people of the face world")
    render.add_argument("--identity", type=int, default=0, metavar="SEED", help="the (first) person (default 0)")
    render.add_argument("--shot", type=int, metavar="SEED", help="the (first) photograph (default 0)")
    render.add_argument("--size", type=int, default=128, metavar="PX", help="side, 32 to 512 (default %(default)s)")
    render.add_argument("--sheet", action="store_true", help="a grid: people down, photographs across")
    render.add_argument("--dataset", type=Path, metavar="DIR", help="a folder for each person, for training")
    render.add_argument("--people", type=int, metavar="N", help="people from --identity on (default 8)")
    render.add_argument("--shots", type=int, metavar="M", help="photographs of each (default 10)")
    render.add_argument("-o", "--output", type=Path, metavar="FILE", help="PNG, JPEG or WebP")
    render.set_defaults(run=run_render)

    check = commands.add_parser("check-data", help="what a folder of people holds, and whether training can use it")
    check.add_argument("folder", type=Path, metavar="DIR", help="holds a folder for each person, pictures inside")
    check.add_argument("--min-side", type=int, metavar="PX", help="skip smaller pictures (default 32; the paper: 250)")
    check.add_argument("--detector", type=Path, metavar="PACK", help="also look for faces, with this insightface pack")
    check.add_argument("--json", type=Path, metavar="FILE", help="also write the report there")
    check.set_defaults(run=run_check_data)

    swap = commands.add_parser("swap", help="put the source's identity into the target")
    swap.add_argument("--source", type=Path, required=True, metavar="FILE", help="whose face")
    swap.add_argument("--target", type=Path, required=True, metavar="FILE", help="into which picture")
    swap.add_argument("--aligned", action="store_true", help="both pictures are aligned square crops")
    swap.add_argument("--consent", metavar="WORDS", help="who agreed to this, needed for any face that is real")
    swap.add_argument(
        "--no-label",
        action="store_true",
        help="leave out the visible label, for a figure whose caption says that it is a swap; the XMP mark stays",
    )
    swap.add_argument("--weights", default="simswap", metavar="NAME", help="name or folder (default %(default)s)")
    swap.add_argument(
        "--recogniser",
        metavar="NAME",
        help="name, folder or .onnx file of the one that the weights were trained with (default: the one they name)",
    )
    swap.add_argument("--device", help="cpu, cuda, mps (default: the best there is)")
    swap.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="PNG, JPEG or WebP")
    swap.set_defaults(run=run_swap)

    train = commands.add_parser("train", help="train a generator, or go on with a run")
    train.add_argument("--run", type=Path, required=True, metavar="DIR", dest="folder", help="run folder")
    train.add_argument(
        "--preset",
        default="studio",
        metavar="NAME",
        help="smoke, course, studio, studio-128, colab or paper (default %(default)s)",
    )
    train.add_argument("--as-released", metavar="NAME", help="first or train.py: the objective of the released code")
    train.add_argument("--threads", type=int, metavar="N", help="CPU cores to use (default: all)")
    train.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="fields of TrainConfig or LossWeights"
    )
    train.set_defaults(run=run_train)

    evaluate = commands.add_parser("evaluate", help="judge the swaps of held-out people, or of your own")
    evaluate.add_argument("--weights", default="simswap", metavar="NAME", help="name or folder (default %(default)s)")
    evaluate.add_argument(
        "--recogniser", metavar="NAME", help="it trained with (default: the one that the weights name)"
    )
    evaluate.add_argument("--judge", metavar="NAME", help="a recogniser that took no part in the training")
    evaluate.add_argument("--data", type=Path, metavar="DIR", help="folders of people, or clips of one person each")
    evaluate.add_argument("--detector", type=Path, metavar="PACK", help="align the faces, with this insightface pack")
    evaluate.add_argument("--swaps", type=int, help="how many (default 200)")
    evaluate.add_argument("--gallery", type=int, help="people to choose from (default 100)")
    evaluate.add_argument("--device", help="cpu, cuda, mps (default: the best there is)")
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    evaluate.set_defaults(run=run_evaluate)

    bench = commands.add_parser("bench", help="how fast this machine is")
    bench.add_argument("what", choices=("world", "swap", "train", "generator"), nargs="?", default="world")
    bench.add_argument("--weights", metavar="NAME", help="for swap: name or folder (default simswap)")
    bench.add_argument("--device", help="for swap and generator: cpu, cuda, mps (default: the best there is)")
    bench.add_argument("--compile", action="store_true", help="for generator: with torch.compile")
    bench.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    bench.set_defaults(run=run_bench)

    shown = commands.add_parser("progress", help="which exercises of the course are done")
    shown.add_argument("lesson", nargs="?", default="all", help='such as 04 (default: "all")')
    shown.set_defaults(run=run_progress)
    return top


def run_render(options: argparse.Namespace) -> None:
    from simswap_lib.provenance import Mark, check_output, write_image
    from simswap_lib.world import LARGEST, SMALLEST, Identity, Shot, contact_sheet, render

    if (options.output is None) == (options.dataset is None):
        raise ValueError("Say where to: -o FILE for a picture, or --dataset DIR for a folder of people.")
    if options.output:
        check_output(options.output)
    if min(options.identity, options.shot or 0) < 0:
        raise ValueError(f"Seeds are whole numbers from 0 on; got {min(options.identity, options.shot or 0)}.")
    if not SMALLEST <= options.size <= LARGEST:
        raise ValueError(f"--size should be {SMALLEST} to {LARGEST} pixels, got {options.size}.")
    if not (options.sheet or options.dataset) and (options.people, options.shots) != (None, None):
        raise ValueError("--people and --shots say how large a grid is; add --sheet or --dataset to get one.")
    people, shots = (default if n is None else n for n, default in ((options.people, 8), (options.shots, 10)))
    if options.dataset:
        render_dataset(options, people, shots)
        return
    shot = options.shot or 0
    if options.sheet:
        most = LONGEST_SHEET // options.size
        if not (1 <= people <= most and 1 <= shots <= most):
            raise ValueError(
                f"--people and --shots should be 1 to {most} at --size {options.size}, so that the sheet stays within "
                f"{LONGEST_SHEET:,} pixels a side; got {people} and {shots}."
            )
        rows, columns = range(options.identity, options.identity + people), range(shot, shot + shots)
        pixels = contact_sheet(rows, columns, options.size)
    else:
        pixels = render(Identity.sample(options.identity), Shot.sample(shot), options.size).image
    write_image(options.output, pixels, Mark("render", face_world=True))
    print(f"{options.output}: {pixels.shape[1]} x {pixels.shape[0]} pixels")


def render_dataset(options: argparse.Namespace, people: int, shots: int) -> None:
    from simswap_lib.photographs import check_people, rendered

    if options.sheet or options.shot is not None:
        raise ValueError("In a data set every photograph has a shot of its own; --sheet and --shot do not go with it.")
    numbers, folder = range(options.identity, options.identity + people), options.dataset
    check_people(numbers, shots)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is there already and not empty; name a new folder, or delete this one first.")
    folder.mkdir(parents=True, exist_ok=True)
    for _ in rendered(numbers, shots, options.size, folder=folder):
        pass
    print(f"{folder}: {people:,} people x {shots} pictures of {options.size} pixels, marked as synthetic")


def run_check_data(options: argparse.Namespace) -> int:
    from simswap_lib import check_data
    from simswap_lib.pictures import SMALLEST

    check_json(options.json)
    detector = found_detector(options.detector)
    result = check_data.check(options.folder, SMALLEST if options.min_side is None else options.min_side, detector)
    print(check_data.report(result))
    write_json(options.json, result.json())
    return 0 if result.usable else 1


def run_swap(options: argparse.Namespace) -> None:
    from simswap_lib.pictures import read_face
    from simswap_lib.provenance import Mark, check_consent, check_output, read_mark, write_image
    from simswap_lib.swapper import FaceSwapper

    if not options.aligned:
        raise ValueError("Finding faces in photographs is not part of this version: give aligned crops and --aligned.")
    consent = None if options.consent is None else check_consent(options.consent)
    check_output(options.output)
    for given in (options.source, options.target):
        if given.exists() and options.output.exists() and options.output.samefile(given):
            raise ValueError(f"{options.output} is one of the pictures to read; choose another name for the result.")
    source, target = read_face(options.source), read_face(options.target)
    marks = [read_mark(options.source), read_mark(options.target)]
    invented = [mark is not None and mark.face_world for mark in marks]
    if not all(invented) and consent is None:
        real = [str(p) for p, known in zip((options.source, options.target), invented, strict=True) if not known]
        raise ValueError(
            f"{' and '.join(real)} may show somebody real: state with --consent who agreed to this swap, "
            'for example --consent "Both people in the pictures agreed in writing"; it is written into the result.'
        )
    swapper = FaceSwapper.from_pretrained(options.weights, options.device, options.recogniser)
    result = swapper.swap_aligned(source, target)
    mark = Mark("swap", face_world=all(invented), consent=consent)
    write_image(options.output, result, mark, visible_label=not options.no_label)
    print(
        f"{options.output}: {result.shape[1]} x {result.shape[0]} pixels, made on {swapper.device}, marked as synthetic"
    )


def run_train(options: argparse.Namespace) -> int:
    import torch

    from simswap_lib import train_config
    from simswap_lib.train_cost import cost
    from simswap_lib.training import default_accelerator, train

    config = train_config.configured(options.set, train_config.preset(options.preset, options.as_released))
    train_config.check_preset(options.preset, config)
    if options.folder.exists() and not options.folder.is_dir():
        raise ValueError(f"{options.folder} is a file; --run should name a folder, which is made if it is missing.")
    if options.threads:
        torch.set_num_threads(options.threads)
    accelerator = default_accelerator()
    price = cost(config, accelerator)
    if accelerator.is_main_process:
        print(price, flush=True)
    watch = None
    if config.data is None and accelerator.is_main_process:
        from simswap_lib.watching import Strip

        watch = Strip(config.size, config.recogniser)
    record = train(config, options.folder, accelerator=accelerator, watch=watch)
    if not accelerator.is_main_process:
        return 0
    print(json.dumps(record, indent=2))
    return 130 if record.get("step", config.steps) < config.steps else 0  # Ctrl-C left a checkpoint and said so


def run_evaluate(options: argparse.Namespace) -> None:
    from simswap_lib import evaluation
    from simswap_lib.evaluation_folder import evaluate_folder
    from simswap_lib.models.onnx_files import load_recogniser
    from simswap_lib.swapper import FaceSwapper

    check_json(options.json)
    if options.detector and not options.data:
        raise ValueError("The face world's pictures are aligned already; --detector belongs to --data.")
    detector = found_detector(options.detector)
    swapper = FaceSwapper.from_pretrained(options.weights, options.device, options.recogniser)
    judge = load_recogniser(options.judge, swapper.device) if options.judge else None
    counts = {name: n for name in ("swaps", "gallery") if (n := getattr(options, name)) is not None}
    if options.data:
        figures = evaluate_folder(swapper, options.data, judge, **counts, detector=detector)
    else:
        figures = evaluation.evaluate(swapper, judge, **counts)
    print(evaluation.report(figures))
    write_json(options.json, figures)


def run_bench(options: argparse.Namespace) -> None:
    from simswap_lib import bench

    check_json(options.json)
    if options.weights is not None and options.what != "swap":
        raise ValueError(f"bench {options.what} needs no weights: --weights belongs to bench swap.")
    if options.device is not None and options.what not in ("swap", "generator"):
        raise ValueError(f"bench {options.what} has no --device: it belongs to bench swap and bench generator.")
    if options.compile and options.what != "generator":
        raise ValueError(f"bench {options.what} compiles nothing: --compile belongs to bench generator.")
    if options.what == "world":
        figures = bench.bench_world()
    elif options.what == "swap":
        figures = bench.bench_swap(options.weights or "simswap", options.device)
    elif options.what == "train":
        figures = bench.bench_train(baselines())
    else:
        figures = bench.bench_generator(baselines(), options.device, compile=options.compile)
    for name, value in figures.items():
        print(f"{name:44} {value:.4g}" if isinstance(value, float) else f"{name:44} {value}")
    write_json(options.json, figures)


def run_progress(options: argparse.Namespace) -> None:
    from simswap_lib.course import progress

    progress(options.lesson)


# ----------------------------------------------------------------------------


def interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind it: compiled functions that were at work then wrap it, several times over."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__
    return error is not None


def baselines():
    """tools/baselines.py, which lies beside the library in a clone and is no part of it."""
    from importlib.util import module_from_spec, spec_from_file_location

    path = Path(__file__).resolve().parent.parent / "tools" / "baselines.py"
    if not path.exists():
        raise ValueError(f"{path} is missing: this comparison runs in a clone of the repository.")
    spec = spec_from_file_location("baselines", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def found_detector(pack: Path | None):
    """The detector of an insightface pack; None without one."""
    from simswap_lib.faces.detect import InsightFaceDetector

    return InsightFaceDetector(pack) if pack else None


def check_json(path: Path | None) -> None:
    """Before minutes of work: can the figures be written there?"""
    if path is not None and (
        path.is_dir() or not path.parent.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK)
    ):
        raise ValueError(f"{path} cannot be written: give a file name in a folder that exists and takes files.")


def write_json(path: Path | None, figures: dict) -> None:
    if path is not None:
        from simswap_lib.files import whole_file

        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 done, 1 if check-data finds that training cannot use a folder, 2 for whatever the caller can mend
    (one sentence on stderr), 130 after Ctrl-C.
    """
    options = parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except (KeyboardInterrupt, SystemError) as error:
        if not interrupted(error):
            raise
        print("Stopped; nothing was half written.", file=sys.stderr)
        return 130
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}." if error.filename and error.strerror else str(error)
        print(reason, file=sys.stderr)
    except (ValueError, FloatingPointError, ImportError) as error:  # ImportError: an extra is not installed
        print(error, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
