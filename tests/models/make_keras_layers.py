"""Make keras_layers.npz: what Keras' layers answer, for test_keras.py to compare with.

    pip install tensorflow-cpu && python tests/models/make_keras_layers.py

Made with the versions that the archive names under 'versions'. Arrays are in Keras' layout:
inputs and outputs (1, H, W, C), weights as Keras stores them.
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow


def main() -> None:
    random = np.random.default_rng(0)
    arrays = {
        "versions": np.array(f"keras {keras.__version__}, tensorflow {tensorflow.__version__}")
    }
    layers = {
        "conv": (keras.layers.Conv2D(3, 4, strides=2, padding="same"), 6),
        "transposed4": (keras.layers.Conv2DTranspose(3, 4, strides=2, padding="same"), 3),
        "transposed3": (keras.layers.Conv2DTranspose(3, 3, strides=2, padding="same"), 3),
    }
    for name, (layer, size) in layers.items():
        x = random.standard_normal((1, size, size, 2)).astype(np.float32)
        layer.build(x.shape)
        kernel = random.standard_normal(layer.kernel.shape).astype(np.float32)
        bias = random.standard_normal(3).astype(np.float32)
        layer.set_weights([kernel, bias])
        arrays |= {f"{name}_x": x, f"{name}_y": np.asarray(layer(x))}
        arrays |= {f"{name}_kernel": kernel, f"{name}_bias": bias}
    np.savez_compressed(Path(__file__).with_name("keras_layers.npz"), **arrays)


if __name__ == "__main__":
    main()
