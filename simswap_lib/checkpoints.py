"""What a run leaves in its folder, so that a run that was stopped, even by a power cut, can go on exactly."""

import json
import pickle
import platform
import subprocess
import zipfile
from pathlib import Path

import accelerate
import numba
import numpy
import safetensors
import torch

import simswap_lib
from simswap_lib.files import whole_file

CHECKPOINT, LOG, DESCRIPTION = "checkpoint.pt", "log.jsonl", "run.json"
# What may change between two parts of one run, because no weight depends on it.
FREE = {"steps", "cache", "workers", "log_every", "validate_every", "checkpoint_every"}


def save(run_folder: Path, config: dict, step: int, parts: dict) -> None:
    """Write the state of every part (networks, optimisers) after `step` steps, whole or not at all.

    Nothing else is needed: batches and chances are functions of the configuration and the step.
    """
    state = {"config": json.dumps(config), "step": step}
    with whole_file(Path(run_folder) / CHECKPOINT) as path:
        torch.save(state | {name: part.state_dict() for name, part in parts.items()}, path)


def describe(run_folder: Path, config: dict, device: str, precision: str, processes: int) -> None:
    """Write how the run is made: settings, machine, versions, and the git revision where there is one."""
    packages = (torch, accelerate, numpy, numba, safetensors, simswap_lib)
    description = {
        "config": config,
        "device": device,
        "precision": precision,
        "processes": processes,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "versions": {package.__name__: str(package.__version__) for package in packages},
        "git_revision": _revision(),
    }
    with whole_file(Path(run_folder) / DESCRIPTION) as path:
        path.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def _revision() -> str | None:
    """The commit that the library runs from, with a plus sign if files have changed since."""
    here = Path(simswap_lib.__file__).parent

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", here, *words], capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def restore(run_folder: Path, config: dict, parts: dict, device: torch.device | str = "cpu") -> int:
    """Load the checkpoint into the parts, if there is one; returns the step to go on from, 0 for a new run.

    Raises: ValueError if the file is damaged, or belongs to a run with another configuration (only what is in FREE may
    differ); the parts are then as they were.
    """
    path = Path(run_folder) / CHECKPOINT
    if not path.exists():
        return 0
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        stored, step = json.loads(state["config"]), int(state["step"])
        states = {name: state[name] for name in parts}
    except (
        RuntimeError,
        EOFError,
        KeyError,
        TypeError,
        ValueError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
    ) as error:
        raise ValueError(f"{path} is damaged; delete it to start anew, or restore a copy.") from error
    now = json.loads(json.dumps(config))  # tuples become lists, as they are in the file
    different = [f"{name} was {stored.get(name)}, is {now[name]}" for name in now if stored.get(name) != now[name]]
    different = [phrase for phrase in different if phrase.split()[0] not in FREE]
    if different:
        raise ValueError(
            f"{run_folder} holds a run of another configuration: {'; '.join(different)}. "
            "Take the old settings to go on, or another folder to start anew."
        )
    for name, part in parts.items():
        if isinstance(part, torch.optim.Optimizer):  # a run may go on on another device: keep what this one needs
            for saved, own in zip(states[name]["param_groups"], part.param_groups, strict=True):
                saved |= {"capturable": own["capturable"]} if "capturable" in own else {}
        part.load_state_dict(states[name])
    return step


def kept_records(run_folder: Path, step: int) -> list[dict]:
    """The log's records up to `step`; those after it are removed from the file, for they will be made again.

    A last line that a power cut left half written is removed, too.
    """
    path = Path(run_folder) / LOG
    records = []
    if step and path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if record["step"] <= step:
                records.append(record)
    with whole_file(path) as temporary:
        temporary.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return records
