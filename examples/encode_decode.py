"""Faces to codes and back, with the files of `lik export onnx RUN FOLDER` and nothing else of Lik.

pip install numpy onnxruntime pillow
python encode_decode.py FOLDER                       # a new face: out.png
python encode_decode.py FOLDER face.png              # a face, cropped to the size of the run
python encode_decode.py FOLDER face.png Smiling 1    # and with a smile
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image


def open_network(file: Path) -> onnxruntime.InferenceSession:
    """A network of the folder, on the processor."""
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


def encode(encoder: onnxruntime.InferenceSession, pictures: np.ndarray) -> np.ndarray:
    """Pictures uint8 (N, S, S, 3) → codes (N, D), the means of the posteriors."""
    images = pictures.transpose(0, 3, 1, 2).astype(np.float32) / 255
    return encoder.run(["means"], {"images": images})[0]


def decode(decoder: onnxruntime.InferenceSession, codes: np.ndarray) -> np.ndarray:
    """Codes (N, D) → pictures uint8 (N, S, S, 3)."""
    images = decoder.run(["images"], {"codes": codes.astype(np.float32)})[0]
    return (images.clip(0, 1) * 255).round().astype(np.uint8).transpose(0, 2, 3, 1)


def main(folder: str, face: str = "", trait: str = "", strength: str = "1") -> None:
    """Encode a face, or draw a code; go along a direction; decode; write out.png."""
    decoder = open_network(Path(folder) / "decoder.onnx")
    told = decoder.get_modelmeta().custom_metadata_map
    size, latent = int(told["size"]), int(told["latent"])
    print(f"{told['run']}: {size} pixels, {latent} dimensions. Terms: {told['terms']}")
    if face:
        picture = Image.open(face).convert("RGB").resize((size, size), Image.Resampling.LANCZOS)
        codes = encode(open_network(Path(folder) / "encoder.onnx"), np.asarray(picture)[None])
    else:
        codes = np.random.default_rng().standard_normal((1, latent))
    if trait:
        directions = json.loads((Path(folder) / "directions.json").read_text(encoding="utf-8"))
        step = float(strength) * np.array(directions["sets"]["joint"][trait])
        codes = (codes + step) / np.sqrt(1 + (step**2).sum() / latent)  # about as long as they were
    Image.fromarray(decode(decoder, codes)[0]).save("out.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
