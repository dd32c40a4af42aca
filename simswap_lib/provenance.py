"""Every picture file that the course writes says what it is: XMP for machines, a label for people.

A swap is marked with IPTC's `compositeWithTrainedAlgorithmicMedia`, a render of the face world with `algorithmicMedia`
(made by a program, of nobody). XMP is lost when a picture is saved anew by most programs; the label is not.
"""

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

import simswap_lib
from simswap_lib.files import whole_file

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
KINDS = {"swap": "compositeWithTrainedAlgorithmicMedia", "render": "algorithmicMedia"}
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
OURS = "urn:simswap-course:provenance:1#"
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
PNG_KEYWORD, JPEG_HEADER = "XML:com.adobe.xmp", b"http://ns.adobe.com/xap/1.0/\0"  # XMP specification, part 3
LONGEST_CONSENT = 2000  # characters; XMP in a JPEG has to fit 64 kB
LABEL, LABEL_FROM = "AI face swap", 128  # pixels a side; on a smaller picture nobody could read it


@dataclass(frozen=True)
class Mark:
    """What a picture file says of itself."""

    kind: str  # "swap" or "render"
    face_world: bool  # nobody in it is real
    consent: str | None = None  # the statement under which real faces were swapped


def write_image(path: str | os.PathLike, pixels: np.ndarray, mark: Mark, *, visible_label: bool = True) -> Path:
    """Write uint8 RGB (H, W, 3) as PNG, JPEG or WebP with `mark` as XMP; the one way in which the course writes files.

    A swap of 128 pixels a side and more also gets a visible label in its lower left corner. `visible_label=False`
    leaves it out, for a figure whose caption says what it shows; the XMP is always there. Renders get no label, since
    a swap would carry it along as if it were part of the photograph.

    The file is written whole or not at all. Raises: ValueError for another array, an unknown kind or file type, or a
    picture of real faces without consent; OSError if the file cannot be written.
    """
    path, pixels = Path(path), np.asarray(pixels)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[-1] != 3:
        raise ValueError(f"Expected uint8 RGB (H, W, 3), got {pixels.dtype} {pixels.shape}.")
    if mark.kind not in KINDS:
        raise ValueError(f"A mark is of kind {' or '.join(KINDS)}, not {mark.kind!r}.")
    if mark.consent is not None:
        check_consent(mark.consent)
    if not mark.face_world and mark.consent is None:
        raise ValueError("A picture with a real face needs the consent of whoever it shows, stated in its mark.")
    check_output(path)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if mark.kind == "swap" and visible_label and min(image.size) >= LABEL_FROM:
        _draw_label(image)
    xmp = _packet(mark).encode("utf-8")
    kind = FORMATS[path.suffix.lower()]
    if kind == "PNG":
        how = {"pnginfo": PngInfo()}
        how["pnginfo"].add_itxt(PNG_KEYWORD, xmp.decode("utf-8"))
    elif kind == "JPEG":
        segment = JPEG_HEADER + xmp  # written by hand: Pillow 10 has no xmp= for JPEG
        how = {"quality": 95, "subsampling": 0, "extra": b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment}
    else:
        how = {"quality": 95, "xmp": xmp}
    try:
        with whole_file(path) as temporary:
            image.save(temporary, kind, **how)
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}; nothing was left behind.") from error
    return path


def check_output(path: str | os.PathLike) -> None:
    """Raise ValueError or OSError, in one sentence, if no picture can be written at `path`."""
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give the name of a picture file.")
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path.name!r} should end in one of {', '.join(FORMATS)}, so that the format is known.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: the folder {path.parent} does not exist; create it first.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"{path} cannot be written: it or its folder is read-only; choose another place.")


def check_consent(statement: str) -> str:
    """The statement on one line, as the mark stores it.

    Raises: ValueError if it is empty, longer than 2,000 characters, or holds characters that XML cannot.
    """
    words = " ".join(statement.split())
    if not words or len(words) > LONGEST_CONSENT or not words.isprintable():
        raise ValueError(
            f"A consent statement is 1 to {LONGEST_CONSENT:,} printable characters that say who agreed to what; "
            f"got {statement[:40]!r}."
        )
    return words


def read_mark(path: str | os.PathLike) -> Mark | None:
    """The mark that `write_image` left in a file, or None if there is none (a photograph, or a picture saved anew).

    A mark is a statement, not a proof: whoever wants to can write one. Signed manifests would prove it.
    Raises: FileNotFoundError, or ValueError if the file is not a picture.
    """
    try:
        with Image.open(path) as image:
            found = image.info.get(PNG_KEYWORD) or image.info.get("xmp") or b""
            for name, content in getattr(image, "applist", []):  # JPEG under Pillow 10
                if not found and name == "APP1" and content.startswith(JPEG_HEADER):
                    found = content[len(JPEG_HEADER) :]
    except (UnidentifiedImageError, Image.DecompressionBombError, IsADirectoryError) as error:
        raise ValueError(f"{path} is not a picture that can be read.") from error
    text = found.decode("utf-8", "replace") if isinstance(found, bytes) else found
    match = re.search(r"<rdf:RDF.*</rdf:RDF>", text, re.S)
    if not match:
        return None
    try:
        description = next(iter(ElementTree.fromstring(match.group())))
    except (ElementTree.ParseError, StopIteration):
        return None
    get = {key.rpartition("}")[2]: value for key, value in description.attrib.items() if key.startswith(f"{{{OURS}}}")}
    if get.get("Kind") not in KINDS:
        return None
    return Mark(get["Kind"], get.get("FaceWorld") == "yes", get.get("Consent"))


# ----------------------------------------------------------------------------


def _packet(mark: Mark) -> str:
    consent = f"\n   simswap:Consent={quoteattr(check_consent(mark.consent))}" if mark.consent else ""
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
   xmlns:Iptc4xmpExt="{IPTC}" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:simswap="{OURS}"
   Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPES}{KINDS[mark.kind]}"
   xmp:CreatorTool="simswap-lib {simswap_lib.__version__}"
   simswap:Kind="{mark.kind}" simswap:FaceWorld="{"yes" if mark.face_world else "no"}"{consent}/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


def _draw_label(image: Image.Image) -> None:
    """White words on a dark plate in the lower left corner, about a third of the picture wide."""
    side = min(image.size)
    font = ImageFont.load_default(size=max(9, round(side * 0.055)))
    pad = max(2, side // 90)
    draw = ImageDraw.Draw(image, "RGBA")
    left, top, right, bottom = draw.textbbox((0, 0), LABEL, font=font)
    width, height = right - left + 2 * pad, bottom - top + 2 * pad
    corner = (0, image.height - height)
    draw.rectangle((*corner, width, image.height), fill=(0, 0, 0, 170))
    draw.text((corner[0] + pad - left, corner[1] + pad - top), LABEL, font=font, fill=(255, 255, 255, 255))
