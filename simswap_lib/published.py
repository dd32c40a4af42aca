"""Published measurements of face swappers, with where they stand: for reading, not for ranking ours among them."""

from dataclasses import dataclass

SOURCE = (
    "Li et al., “Towards High-Fidelity Face Swapping: A Comprehensive Survey and New Benchmark”, 2026, "
    "arXiv 2605.00883; evaluation code: github.com/CASIA-NLPRAI/face-swapping-survey"
)
PAIRS, PEOPLE = 4_500, 1_291  # of the protocol "normal": pairs of images; people in the benchmark
GALLERY = PEOPLE  # the released code puts frame 0 of the plain video of each person into it
FRAMES = 10  # of each video that the list of pairs takes as sources: frames 0 to 9 of the plain video


@dataclass(frozen=True)
class Published:
    """One row of the table, protocol "normal"."""

    method: str
    retrieval: float  # per cent, top 1, by a CosFace
    cosine: float  # to the source
    pose: float  # degrees: length of the difference of Hopenet's yaw, pitch and roll
    expression: float  # distance of 3DDFA's expression parameters
    fid: float


CASIA = (
    Published("FSGAN", 65.08, 0.50, 3.34, 2.35, 56.23),
    Published("FaceShifter (unofficial weights)", 66.41, 0.44, 5.26, 3.64, 169.11),
    Published("SimSwap", 90.00, 0.61, 2.14, 2.43, 21.75),
    Published("HifiFace", 93.37, 0.62, 3.59, 3.12, 20.40),
    Published("MegaFS", 73.70, 0.50, 5.09, 2.96, 23.69),
    Published("FSLSD", 15.52, 0.25, 5.63, 3.44, 28.64),
    Published("RAFSwap", 87.77, 0.54, 3.69, 3.28, 45.61),
    Published("FaceDancer", 72.81, 0.49, 3.42, 3.15, 19.14),
    Published("BlendFace", 73.35, 0.48, 3.28, 3.08, 93.20),
    Published("RGI / E4S", 80.84, 0.53, 4.00, 3.41, 18.77),
    Published("CSCS", 88.75, 0.63, 3.81, 3.41, 33.28),
    Published("DiffSwap", 15.64, 0.32, 3.67, 2.88, 96.55),
    Published("Face-Adapter", 95.49, 0.66, 4.38, 2.95, 23.83),
    Published("inswapper", 96.92, 0.73, 2.84, 2.64, 30.50),
)

# The same method by its own authors, on other videos: FaceForensics++, configurations A to E.
FACEDANCER_SOURCE = "FaceDancer, github.com/felixrosberg/FaceDancer, model_zoo/README.md"
FACEDANCER = {  # configuration: (retrieval in per cent, pose)
    "A": (98.14, 3.61), "B": (96.96, 2.48), "C": (98.57, 2.27), "D": (97.53, 2.04), "E": (97.38, 2.07),
}  # fmt: skip
