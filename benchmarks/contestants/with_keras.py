"""The paper's own way: Keras on TensorFlow."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from task import BATCH, EPSILON, RATE, Contestant, Task

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras as k3
import tensorflow as tf
from keras import layers, ops


def keras(task: Task) -> Contestant:
    """The paper's own way: Keras layers, a model with a train_step, and ``fit``."""

    k3.utils.set_random_seed(0)
    size = task.train.shape[1]

    def down(channels: int) -> Any:
        return layers.Conv2D(channels, 4, strides=2, padding="same", activation=activation)

    def up(channels: int, kernel: int, activation: str | None) -> Any:
        return layers.Conv2DTranspose(
            channels, kernel, strides=2, padding="same", activation=activation
        )

    def normalised() -> list[Any]:
        return [layers.BatchNormalization(), layers.LeakyReLU(negative_slope=0.3)]

    if task.model == "first":
        activation: str | None = "relu"
        side, deepest = size // 8, 32
        encoder = [down(32), down(32), down(32)]
        decoder = [layers.Dense(256, activation="relu"), layers.Dense(256, activation="relu")]
        decoder += [up(32, 4, "relu"), up(32, 4, "relu"), up(3, 4, "sigmoid")]
    else:
        activation = None
        side, deepest = size // 16, 256
        encoder = [layer for n in (32, 64, 128, 256) for layer in (down(n), *normalised())]
        decoder = [layer for n in (128, 64, 32) for layer in (up(n, 3, None), *normalised())]
        decoder += [up(3, 3, "sigmoid")]
    body = k3.Sequential([k3.Input((size, size, 3)), *encoder, layers.Flatten()])
    mean_head, variance_head = layers.Dense(task.latent), layers.Dense(task.latent)
    mean_head.build(body.output_shape)
    variance_head.build(body.output_shape)
    unflatten = [layers.Dense(side * side * deepest), layers.Reshape((side, side, deepest))]
    decoding = k3.Sequential([k3.Input((task.latent,)), *unflatten, *decoder])

    class Autoencoder(k3.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.body, self.mean_head, self.variance_head = body, mean_head, variance_head
            self.decoding = decoding
            self.seeds = k3.random.SeedGenerator(0)

        def passes(self, images: Any, noise: Any, training: bool) -> tuple[Any, Any, Any]:
            hidden = self.body(images, training=training)
            mean, logs = self.mean_head(hidden), self.variance_head(hidden)
            return self.decoding(mean + ops.exp(0.5 * logs) * noise, training=training), mean, logs

        def train_step(self, images: Any) -> Any:
            noise = k3.random.normal((ops.shape(images)[0], task.latent), seed=self.seeds)
            with tf.GradientTape() as tape:
                made, mean, logs = self.passes(images, noise, True)
                kl = 0.5 * ops.sum(ops.exp(logs) + mean**2 - logs - 1, axis=1)
                loss = ops.mean(0.5 * ops.sum((images - made) ** 2, axis=(1, 2, 3)) + kl)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    model = Autoencoder()
    model.compile(optimizer=k3.optimizers.Adam(RATE, epsilon=EPSILON))
    images = task.train.astype(np.float32) / 255

    def epochs() -> Iterator[Any]:
        while True:
            model.fit(images, batch_size=BATCH, epochs=1, shuffle=True, verbose=0)
            yield

    def outputs(pictures: Any, noise: Any) -> tuple[Any, Any, Any]:
        made, mean, logs = model.passes(pictures, noise, False)
        return np.asarray(made), np.asarray(mean), np.asarray(logs)

    versions = f"Keras {k3.__version__}, TensorFlow {tf.__version__}"
    return Contestant(versions, "float32", epochs(), outputs)
